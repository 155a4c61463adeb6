"""The page's signature is the server's, run by Node where that is installed (a browser does the same in tests/browser).

v1 rules 5 and 9.
"""

import json
import random
import shutil
import subprocess
from importlib.resources import files

import pytest

from clarion.identity import signature

KEY, TIME = "a1b2c3d4e5f6g7h8", "1507722391"


def test_v1_rule_9_the_page_signs_as_the_server_does() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("NOT RUN: node is not installed")
    chance = random.Random(9)
    bodies = ["", '{"email":"mymail@client.com"}', "é€𝄞", *("x" * n for n in (*range(50, 70), 119, 120, 1000))]
    bodies += ["".join(chr(chance.randrange(32, 0x2000)) for _ in range(chance.randrange(200))) for _ in range(50)]
    module = files("clarion.api.reference").joinpath("page/signing.js").read_text()
    program = (
        f"{module}\nconsole.log(JSON.stringify({json.dumps(bodies)}.map((each) => sign(each, '{KEY}', '{TIME}'))));"
    )
    command = [node, "--input-type=module", "-"]
    made = json.loads(subprocess.run(command, input=program.encode(), capture_output=True, check=True).stdout)
    assert made == [signature.sign(body.encode(), KEY, TIME) for body in bodies]
    assert made[:2] == ["ba04fc7206950ce63d78ddbc9e65c48fb96e54d7", "f974f730586ce2bf49a276845060a8d38bb43770"]
