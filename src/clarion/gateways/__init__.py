"""Push gateways: APNs, FCM HTTP v1 and Web Push behind one seam (`seam.py`), and the stub that speaks all three.

Every gateway's folder holds the same files: `credentials` (what an operator gives), `auth` (tokens derived from it),
`request` (one notification to headers and body), `answers` (the gateway's answer to a verdict) and `client` (the
class that ties them to an HTTP/2 channel). Retrying, accounting and switching tokens off are the sender's work.
"""
