"""The engine that executes the OpenAPI documents, the same for every surface.

`engine.Contract.load("v1")` reads a document, compiles every schema in it and offers its router, its body and
parameter checks. What a finding means on the wire (status, label, problem code) is for the surfaces to say.
"""
