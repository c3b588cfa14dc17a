"""A finished subset for others' tools: data files, dataset card, Croissant and PROV, one folder."""
