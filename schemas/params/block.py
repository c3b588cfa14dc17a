"""What all groups of settings have in common."""

from pydantic import BaseModel, ConfigDict


class Block(BaseModel):
    """A group of settings: frozen, and an unknown key is an error."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        model_title_generator=lambda block: block.__name__.removesuffix("Params"),  # in the form
    )
