"""What the demo shows: live bars while it sends, tables afterwards, and what to try next."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from clarion.cli import output
from clarion.sending.model import Progress as SendProgress


class SendScreen:
    """A bar for each application: `async with` nothing, plain `with`."""

    def __init__(self, console: Console, *, shown: bool) -> None:
        self._bars = Progress(
            TextColumn("{task.description:<14}"),
            BarColumn(bar_width=36),
            TextColumn("{task.percentage:>5.1f} %"),
            TextColumn("{task.fields[sums]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not shown or not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "SendScreen":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, title: str, progress: SendProgress) -> None:
        """Move the bar of one send."""
        if title not in self._tasks:
            self._tasks[title] = self._bars.add_task(title, total=None, sums="")
        counts = progress.counts
        sums = f"{counts.delivered:,} delivered, {counts.refused:,} refused, {counts.suppressed:,} suppressed"
        self._bars.update(
            self._tasks[title],
            total=progress.audience or progress.planned or None,
            completed=counts.total,
            sums=sums,
        )


def headline(text: str) -> None:
    """The beginning of an act."""
    output.err.print(f"\n{text}", style="bold")


def said(text: str) -> None:
    """What came of it."""
    output.err.print(f"  {text}")
