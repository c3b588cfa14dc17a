"""The artifacts of a run on Prefect's page, made of the tables of flows/findings.py."""

from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)

from flows import findings
from flows.findings import Metrics
from tasks.pace import Pace
from tasks.stage import Paths


def publish_stage(stage: str, version: str, ran: bool = True) -> None:
    """Attach the outputs of a stage to its task run; of some, what it did beside them."""
    create_table_artifact(
        key=f"stage-{stage}",
        table=findings.outputs(stage),
        description=f"Outputs of stage {stage} {version}",
    )
    if stage == "ingest":
        _publish_quarantine()
    if stage == "embed":
        table = findings.encoded(Paths(), ran)
        _publish_table(
            "encoded", table, "Rows the model encoded, and rows whose vectors were known"
        )
    if stage == "validate":
        what = "Rows that entered and left since the promoted run"
        _publish_table("changes", findings.changes(Paths()), f"{what}: artifacts/changes.parquet")


def _publish_table(key: str, table: findings.Table, description: str) -> None:
    """Attach a table, or the word that there is nothing in it."""
    if table:
        create_table_artifact(key=key, table=table, description=description)
    else:
        create_markdown_artifact(key=key, markdown="None.", description=description)


def _publish_quarantine() -> None:
    first, count = findings.quarantine(Paths())
    if not count:
        create_markdown_artifact(
            key="quarantine", markdown="No record was refused.", description="0 records refused"
        )
        return
    shown = "" if len(first) == count else f"; the first {len(first)} are shown"
    create_table_artifact(
        key="quarantine",
        table=first,
        description=f"{count:,} records refused{shown}. All: artifacts/quarantine.parquet",
    )


def publish_run(paths: Paths, before: Metrics) -> None:
    """Attach to the flow run: funnel, metrics, lineage, settings, the way to the report."""
    create_table_artifact(
        key="funnel",
        table=findings.funnel(paths),
        description="From the records read to the rows kept, with a count for every reason",
    )
    create_table_artifact(
        key="metrics",
        table=findings.comparison(paths, before),
        description="The selection, the run before, and controls at the same budget",
    )
    failed = len(findings.failed_gates(paths))
    create_table_artifact(
        key="gates",
        table=findings.gates(paths),
        description=f"HELD: {failed} failed" if failed else "All passed: may be promoted",
    )
    create_table_artifact(
        key="lineage",
        table=findings.lineage(),
        description="Every output with the stage and version that made it, and its MD5",
    )
    create_markdown_artifact(
        key="settings",
        markdown=f"````yaml\n{paths.params.read_text(encoding='utf-8')}````\n",
        description="params.yaml as this run wrote it",
    )
    report = (paths.artifacts / "report.html").resolve()
    create_markdown_artifact(
        key="report",
        markdown=f"[Open the report]({report.as_uri()})\n\n`{report}`\n",
        description="One page, self-contained; a browser opens file links only by hand",
    )


class Progress:
    """A stage's progress artifact, made by the first line that tells a pace (tasks.pace)."""

    def __init__(self, stage: str):
        self.stage = stage
        self._artifact: UUID | None = None

    def tell(self, line: str) -> None:
        """Show a line's pace; other lines, and paces without a share, change nothing."""
        pace = Pace.read(line)
        if pace is None or pace.share is None:
            return
        self._show(min(pace.share, 1.0) * 100, line)

    def finish(self) -> None:
        """Show that all is done, if any progress was shown."""
        if self._artifact:
            self._show(100.0, "done")

    def _show(self, percent: float, words: str) -> None:
        if self._artifact is None:
            self._artifact = create_progress_artifact(
                progress=percent, key=f"progress-{self.stage}", description=words
            )
        else:
            update_progress_artifact(self._artifact, progress=percent, description=words)
