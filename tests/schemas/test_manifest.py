"""The JSON file a stage leaves: equal facts are equal bytes, and what is written is read."""

import hashlib

from schemas.manifest import Manifest, file_digest
from tasks.stage import Paths, manifest_path, write_manifest


def test_equal_manifests_are_equal_bytes_whatever_the_order_of_their_keys():
    one = Manifest("s", "1", {"a": 1, "b": [2]}, rows={"x": 1, "y": 2})
    two = Manifest("s", "1", {"b": [2], "a": 1}, rows={"y": 2, "x": 1})
    assert one.to_json() == two.to_json()
    assert one.to_json().endswith("}\n")


def test_a_manifest_is_read_back_as_it_was(tmp_path):
    made = Manifest("s", "1", {"a": None}, facts={"größe": 1.5, "nested": [{"x": "\n"}]})
    (tmp_path / "s.json").write_text(made.to_json(), encoding="utf-8")
    assert Manifest.read(tmp_path / "s.json") == made


def test_written_it_holds_the_digests_of_its_files(tmp_path):
    paths = Paths(tmp_path)
    (tmp_path / "in.bin").write_bytes(b"in" * 99_999)
    (tmp_path / "out.bin").write_bytes(b"")
    manifest = Manifest("validate", "1", {})
    full = write_manifest(paths, manifest, (tmp_path / "in.bin",), (tmp_path / "out.bin",))
    assert full.inputs == {"in.bin": hashlib.sha256(b"in" * 99_999).hexdigest()}
    assert full.outputs == {"out.bin": hashlib.sha256(b"").hexdigest()}
    assert file_digest(tmp_path / "out.bin") == full.outputs["out.bin"]
    assert Manifest.read(paths.artifacts / "validation.json") == full
    assert manifest_path(paths, "choose").name == "choose.json"
