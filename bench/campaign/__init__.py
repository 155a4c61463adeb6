"""What a whole broadcast costs, from "send" to the last outcome accounted for, beside parse-server.

    python -m bench.campaign                    # both, interleaved
    python -m bench.campaign --growth           # ours alone, 10,000 to 1,000,000 devices, with a picture

Both sides deliver the same text to the same number of iOS devices through APNs' protocol, to the same independent sink
(nginx), each from a PostgreSQL of its own with the same settings.
"""
