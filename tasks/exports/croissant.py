"""croissant.json: the data files and their fields as Croissant 1.1, in JSON-LD."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tasks.exports.card import title
from tasks.exports.choices import Compression
from tasks.exports.facts import languages, licences, software
from tasks.exports.shards import Shard, data_files
from tasks.exports.subset import DIGEST_CHARS, Subset

if TYPE_CHECKING:
    from tasks.exports.writing import Exported

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.1"
PLAIN_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
TERMS: Final = (  # of Croissant's own vocabulary that a reader of this version expects
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field",
    "fileProperty", "fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset",
    "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
    "repeated", "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
TYPES: Final = {
    "text": "sc:Text",
    "json": "sc:Text",
    "integer": "sc:Integer",
    "number": "sc:Float",
    "boolean": "sc:Boolean",
}
MEDIA_TYPES: Final = {
    Compression.NONE: "application/jsonlines",
    Compression.GZ: "application/gzip",
    Compression.ZST: "application/zstd",
}


def croissant(subset: Subset, exported: Exported) -> str:
    """Describe an export; equal exports are described alike."""
    found = [name for name in licences(exported.survey, exported.settings.licence) if name]
    described: dict[str, Any] = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "name": title(subset),
        "description": f"{exported.rows:,} rows selected by Winnow {software()} from a larger pool",
        "conformsTo": CONFORMS_TO,
        "citeAs": _citation(subset),
        "version": f"1.0.0+{subset.selection_sha256[:DIGEST_CHARS]}",
        "isLiveDataset": False,
        "keywords": ["winnow", "data selection"],
        "prov:wasDerivedFrom": [
            {"@id": f"sha256:{file['sha256']}", "prov:label": file["path"]}
            for file in subset.sources.get("files", [])
        ],
        "distribution": [_file_set(exported), *(_file(each, exported) for each in exported.shards)],
        "recordSet": [_record_set(exported)],
    }
    if found:
        described["license"] = found
    if codes := languages(exported.survey):
        described["inLanguage"] = codes
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _context() -> dict[str, Any]:
    by_language = {"@container": "@language"}
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "prov": "http://www.w3.org/ns/prov#",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "description": by_language,
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "name": by_language,
        **{term: f"cr:{term}" for term in TERMS},
    }


def _citation(subset: Subset) -> str:
    digest = subset.selection_sha256
    return (
        f"@misc{{winnow-{digest[:DIGEST_CHARS]}, title = {{{title(subset)}}}, "
        f"note = {{selected by Winnow {software()}; selection SHA-256 {digest}}}}}"
    )


def _media_type(exported: Exported) -> str:
    if exported.settings.format.is_parquet:
        return "application/x-parquet"
    return MEDIA_TYPES[exported.settings.compression]


def _file_set(exported: Exported) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": "shards",
        "name": "shards",
        "description": "All data files, in order",
        "encodingFormat": _media_type(exported),
        "includes": data_files(exported.settings),
    }


def _file(shard: Shard, exported: Exported) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": shard.path,
        "name": shard.path,
        "contentUrl": shard.path,
        "contentSize": f"{shard.bytes} B",
        "encodingFormat": _media_type(exported),
        "sha256": shard.sha256,
    }


def _record_set(exported: Exported) -> dict[str, Any]:
    """The fields of a record; Croissant has no type for a JSON value, so such fields are left out
    where they are no text.
    """
    in_lines = not exported.settings.format.is_parquet
    fields = [
        _messages(name) if kind == "messages" else _field(f"rows/{_part(name, number)}", name, kind)
        for number, (name, kind) in enumerate(exported.fields.items())
        if not (kind == "json" and in_lines)
    ]
    return {"@type": "cr:RecordSet", "@id": "rows", "name": "rows", "field": fields}


def _part(name: str, number: int) -> str:
    """What stands for a field in an id: its name, or its number where that cannot be in an IRI."""
    return name if PLAIN_NAME.fullmatch(name) else str(number)


def _field(key: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": key,
        "name": name,
        "dataType": TYPES[kind],
        "source": {"fileSet": {"@id": "shards"}, "extract": {"column": name}},
    }


def _messages(name: str) -> dict[str, Any]:
    """A list of messages, each with a role and a content."""
    parts = []
    for part in ("role", "content"):
        field = _field(f"rows/{name}/{part}", name, "text") | {"name": part}
        field["source"] = {**field["source"], "transform": {"jsonPath": part}}
        parts.append(field)
    listed = {"isArray": True, "arrayShape": "-1"}
    return {
        "@type": "cr:Field", "@id": f"rows/{name}", "name": name, **listed, "subField": parts,
    }  # fmt: skip
