"""What is made from the v1 contract: the operations and Structs of the Python client, and the Postman collection.

    python -m tools.v1

writes them anew. Tests fail while what is committed is not what the contract says.
"""
