"""Flow control across processes: shared permits, shared pauses, throttles, and how much a gateway is trusted with."""
