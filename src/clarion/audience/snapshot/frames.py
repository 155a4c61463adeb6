"""Devices as Polars frames: from the CSV that the database gives to files of plain numbers, and back as sums.

The only room that writes or reads Arrow files. Texts become numbers of words, so that a condition on a text is asked
once of the words (`store.state.matching`) and not of every device.
"""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import polars as pl

from clarion.audience.snapshot import files
from clarion.audience.snapshot.model import MOST_WORDS, Form

_READ: dict[Form, type[pl.DataType]] = {
    Form.WORDS: pl.String,
    Form.PRESENCE: pl.Int8,
    Form.INTEGER: pl.Int64,
    Form.DECIMAL: pl.Float64,
    Form.DATE: pl.Int64,
    Form.BOOLEAN: pl.Int8,
}
_KEPT: dict[Form, type[pl.DataType]] = {
    Form.WORDS: pl.UInt16,
    Form.PRESENCE: pl.UInt16,
    Form.INTEGER: pl.Int64,
    Form.DECIMAL: pl.Float64,
    Form.DATE: pl.Int64,
    Form.BOOLEAN: pl.Boolean,
}


class Encoder:
    """Makes frames of CSV, and learns words on the way: `forms` and `words` are those of the snapshot that comes of it.

    A column with more than `most` different texts keeps, from then on, only whether it is set.
    """

    def __init__(self, forms: dict[str, Form], words: dict[str, list[str]], most: int = MOST_WORDS) -> None:
        self.forms = dict(forms)
        self.words = {name: list(known) for name, known in words.items()}
        self._read = dict(forms)
        self._most = most
        self._numbers = {
            name: {word: number for number, word in enumerate(self.words.setdefault(name, []), 1)}
            for name, form in forms.items()
            if form is Form.WORDS
        }

    def encode(self, csv: bytes) -> pl.DataFrame:
        """The rows of a CSV whose columns are the forms this encoder was made with, in their order."""
        schema = {name: _READ[form]() for name, form in self._read.items()}
        if not csv:
            return pl.DataFrame(schema={name: _KEPT[form]() for name, form in self._read.items()})
        read = pl.read_csv(csv, has_header=False, schema=schema)
        return read.select(self._kept(read[name], form) for name, form in self._read.items())

    def _kept(self, column: pl.Series, form: Form) -> pl.Series:
        if form is Form.WORDS:
            return self._numbered(column)
        return column.cast(_KEPT[form]())

    def _numbered(self, column: pl.Series) -> pl.Series:
        name = column.name
        if self.forms[name] is Form.WORDS:
            found = column.drop_nulls().unique().to_list()
            if self._learn(name, found):
                numbers = self._numbers[name]
                return column.replace_strict(
                    found, [numbers[word] for word in found], default=0, return_dtype=pl.UInt16()
                )
        return column.is_not_null().cast(pl.UInt16())

    def _learn(self, name: str, found: Sequence[str]) -> bool:
        """Number the words that are new. False when they become too many."""
        numbers, words = self._numbers[name], self.words[name]
        for word in found:
            if word not in numbers:
                words.append(word)
                numbers[word] = len(words)
        if len(words) <= self._most:
            return True
        self.forms[name] = Form.PRESENCE
        del self.words[name], self._numbers[name]
        return False


def write(frame: pl.DataFrame, file: Path) -> None:
    """An Arrow file, uncompressed, on the disk when this returns."""
    frame.write_ipc(file, compression="uncompressed")
    files.settled(file)


def read(file: Path) -> pl.DataFrame:
    """A whole file in memory: for the small ones."""
    return pl.read_ipc(file)


def rows_of(sources: Sequence[Path], ids: Collection[int]) -> pl.DataFrame:
    """The rows of these files whose device is one of `ids`."""
    wanted = pl.Series("id", list(ids), dtype=pl.Int64()).implode()
    return pl.scan_ipc(list(sources)).filter(pl.col("id").is_in(wanted)).collect(engine="streaming")


def without(frame: pl.DataFrame, ids: Collection[int]) -> pl.DataFrame:
    """The rows whose device is none of `ids`."""
    return frame.filter(~pl.col("id").is_in(pl.Series("id", list(ids), dtype=pl.Int64()).implode()))


def joined(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The rows of all parts."""
    return pl.concat(list(parts))


def count(sources: Sequence[Path], condition: pl.Expr) -> int:
    """For how many rows of these files a condition holds; only the columns it names are read.

    Raises FileNotFoundError when one is not there any more.
    """
    found = pl.scan_ipc(list(sources)).select(condition.sum()).collect(engine="streaming").item()
    return int(found or 0)
