"""The SQL of devices: `write` is the one way in, `read` and `export` the ways out, `identity` proves who a device is,
`staging` takes import files by COPY.
"""
