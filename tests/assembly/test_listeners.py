"""What an installation listens on (v1 rule 2)."""

from pathlib import Path

import pytest

from clarion.assembly import listeners
from clarion.base.errors import ConfigurationError
from clarion.base.settings import Settings
from tests.support import free_port


def test_v1_rule_2_tls_everywhere_plain_http_on_loopback_alone_and_only_when_asked_for(tmp_path: Path) -> None:
    for http_port in (0, free_port()):
        bound = listeners.bind(Settings(data_dir=tmp_path, host="0.0.0.0", port=0, http_port=http_port))
        try:
            at = {scheme: listener.getsockname()[:2] for scheme, listener in bound}
            assert at.pop("https")[0] == "0.0.0.0"
            assert at == ({"http": ("127.0.0.1", http_port)} if http_port else {})
        finally:
            for _, listener in bound:
                listener.close()


def test_a_plain_port_in_use_lets_go_of_the_other(tmp_path: Path) -> None:
    port, taken = free_port(), free_port()
    [(_, holder)] = listeners.bind(Settings(data_dir=tmp_path, host="127.0.0.1", port=taken))
    try:
        with pytest.raises(ConfigurationError, match=str(taken)):
            listeners.bind(Settings(data_dir=tmp_path, host="127.0.0.1", port=port, http_port=taken))
        listeners.bind(Settings(data_dir=tmp_path, host="127.0.0.1", port=port))[0][1].close()
    finally:
        holder.close()
