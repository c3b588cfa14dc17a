"""The commands of `winnow`; each imports what it needs itself, so that help is instant."""
