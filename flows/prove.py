"""The flow `prove`: the experiment of `winnow prove`, started from Prefect's page by its form."""

import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, Literal
from uuid import UUID

from prefect import flow, get_run_logger
from prefect.artifacts import (
    create_progress_artifact,
    create_table_artifact,
    update_progress_artifact,
)
from prefect.runtime import flow_run
from prefect.states import Failed
from pydantic import ConfigDict, create_model

from flows.proving import explained, run
from flows.settings import describe
from schemas.errors import WinnowError
from schemas.proof import ProveParams
from tasks.proving.consumers import CONSUMERS
from tasks.selectors import SELECTORS

SHARE: Final = re.compile(r"([\d.]+) %")
SHOWN: Final = ("budget", "method", "score", "delta", "low", "high", "verdict", "rows")


def _form_model() -> Any:
    """ProveParams as the form shows it: bounds in the descriptions, methods as choices."""
    choices = {"selectors": SELECTORS, "consumers": CONSUMERS}
    fields: dict[str, Any] = {}
    for name, field in ProveParams.model_fields.items():
        kind: Any = field.annotation
        if name in choices:
            kind = list[Literal[tuple(choices[name])]]  # type: ignore[valid-type,index,misc]
        told = field.merge_field_infos(field, json_schema_extra={"description": describe(field)})
        fields[name] = (kind, told)
    made: Any = create_model(
        "ProveForm",
        __base__=ProveParams,
        __module__=__name__,
        __doc__=ProveParams.__doc__,
        **fields,
    )
    made.model_config = made.model_config | ConfigDict(title="Prove")
    return made


if TYPE_CHECKING:
    ProveForm = ProveParams
else:
    ProveForm = _form_model()


def _run_name() -> str:
    given = flow_run.get_parameters()["params"]
    return f"prove-{given.name or given.source[0].rpartition('/')[2]}"


@flow(name="prove", flow_run_name=_run_name)
def prove(params: ProveForm) -> Any:
    """Train light models on subsets of a file and say which methods beat a random choice, if any.

    Scores are kept under artifacts/proof/: a run that was stopped goes on where it was.
    """
    progress = _Progress()
    try:
        proof = run(ProveParams.model_validate(params.model_dump()), None, progress.tell)
    except WinnowError as error:
        return Failed(message=str(error), data=error)
    for consumer in sorted({each.consumer for each in proof.summaries}):
        found = [asdict(each) for each in proof.summaries if each.consumer == consumer]
        create_table_artifact(
            key=f"proof-{consumer.replace('_', '-')}",
            table=[{key: row[key] for key in SHOWN} for row in found],
            description=f"{proof.name}, {found[0]['unit']}. {explained(proof.facts)}",
        )
    return proof.as_dict()


class _Progress:
    """Passes the experiment's lines to the log, and its share done to a progress artifact."""

    def __init__(self) -> None:
        self._artifact: UUID | None = None

    def tell(self, line: str) -> None:
        """Log a line; one that holds a share moves the bar."""
        get_run_logger().info(line)
        share = SHARE.search(line)
        if share is None:
            return
        if self._artifact is None:
            self._artifact = create_progress_artifact(
                progress=float(share[1]), key="progress-prove", description=line
            )
        else:
            update_progress_artifact(self._artifact, progress=float(share[1]), description=line)
