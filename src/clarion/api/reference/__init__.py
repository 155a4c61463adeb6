"""The reference that an installation serves at `/reference`: pages for people, made of the contract documents.

`model` turns a document into what the page shows, `examples` makes bodies to start from, `rules` reads the rules of
behaviour, `surface` serves them with the page's own files in `page/`. No second description of the API exists here.
"""
