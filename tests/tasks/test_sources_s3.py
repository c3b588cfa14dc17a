"""Sources on S3: the same rows as from disk, changes noticed, errors in words, faults survived."""

import gzip
import hashlib
import json
import logging
import tracemalloc

import polars as pl
import pytest

from schemas.errors import SourceChangedError, SourceError, StorageError, WinnowError
from schemas.params import Params
from tasks import choose, decontaminate, deduplicate, embed, ingest, previous, score, sources
from tasks.readers.files import BLOCK_BYTES
from tasks.reference import local_reference
from tasks.sources import find_sources
from tasks.stage import Paths
from tasks.storage import objects, retries
from tasks.storage.places import Places
from tests.s3 import BUCKET, ENVIRONMENT, Proxy, first
from tests.tasks.ingesting import GOOD, PACK, as_csv, as_jsonl, as_parquet, run
from tests.tiny_model import VOCABULARY as V

ROWS = [
    {"id": f"r{n}", "text": f"Row {n}: a {V[n % 7 + 11]} of {V[n % 5 + 20]}, é.", "lang": "en"}
    for n in range(40)
]
FILES = {
    "in/a.jsonl": as_jsonl(ROWS[:10])
    + b'{"id": "bad"\n'
    + as_jsonl([{"id": "empty", "text": " "}]),
    "in/b.jsonl.gz": gzip.compress(as_jsonl(ROWS[10:20]) + as_jsonl(ROWS[:1]), mtime=0),
    "in/deep/c.csv.zst": PACK[".zst"](as_csv(ROWS[20:25])),
    "in/deep/er/d.parquet": as_parquet(ROWS[25:35]),
    "in/deep/er/e.parquet.gz": gzip.compress(as_parquet(ROWS[35:]), mtime=0),
}
PATTERNS = ["in/*.jsonl*", "in/**/[c-e].*"]


def run_from_s3(root, patterns=PATTERNS):
    return run(root, {}, sources=[f"s3://{BUCKET}/{pattern}" for pattern in patterns])


@pytest.fixture
def corpus(s3_server):
    for key, content in FILES.items():
        s3_server.put(key, content)
    s3_server.put("in/.hidden.jsonl", b"not read\n")
    s3_server.put("in/deep/", b"")
    s3_server.put("in/notes.txt", b"not read\n")
    return s3_server


def address_instead_of_path(table: pl.DataFrame) -> pl.DataFrame:
    return table.with_columns(source_file=pl.lit(f"s3://{BUCKET}/") + pl.col("source_file"))


def test_rows_ids_and_refusals_are_those_read_from_disk(corpus, tmp_path):
    local = run(tmp_path / "local", FILES, sources=PATTERNS)
    remote = run_from_s3(tmp_path / "remote")
    assert len(local.documents) == 41
    assert len(local.quarantine) == 2
    assert remote.documents.equals(address_instead_of_path(local.documents))
    assert remote.quarantine.equals(address_instead_of_path(local.quarantine))
    refused = remote.quarantine.row(by_predicate=pl.col("rule") == "broken_json", named=True)
    assert (refused["source_file"], refused["line"]) == (f"s3://{BUCKET}/in/a.jsonl", 11)
    assert not list((tmp_path / "remote/artifacts").glob(".ingest*")), "nothing is left behind"


def test_the_listing_holds_hashes_of_content_and_nothing_of_the_server(corpus, tmp_path):
    run_from_s3(tmp_path)
    text = (tmp_path / "artifacts/sources.json").read_text()
    files = {file["path"]: file for file in json.loads(text)["files"]}
    assert sorted(files) == sorted(f"s3://{BUCKET}/{name}" for name in FILES)
    for name, content in FILES.items():
        found = files[f"s3://{BUCKET}/{name}"]
        assert found["sha256"] == hashlib.sha256(content).hexdigest()
        assert found["bytes"] == len(content)
    assert not [word for word in ("127.0.0.1", "etag", "test-key", "test-secret") if word in text]


@pytest.fixture
def one(s3_server):
    return s3_server.put("one.jsonl", as_jsonl([GOOD]))


def stages(root, address):
    """The settings for one address and the two stages, to be run one by one."""
    params = Params.model_validate({"ingest": {"sources": [address]}})
    return (lambda: sources.run(params, Paths(root)), lambda: ingest.run(params, Paths(root)))


class TestChanges:
    def test_an_object_replaced_since_it_was_listed_is_refused(self, one, s3_server, tmp_path):
        look, read = stages(tmp_path, one)
        look()
        s3_server.put("one.jsonl", as_jsonl([{**GOOD, "text": "A SOUND RECORD."}]))
        with pytest.raises(SourceChangedError) as raised:
            read()
        assert one in str(raised.value)
        assert "what stage `sources` found" in str(raised.value)
        look()
        assert read().rows["documents"] == 1, "looking again puts it right"

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda server: server.put("one.jsonl", b"short"), "now 5"),
            (lambda server: server.client.delete_object(Bucket=BUCKET, Key="one.jsonl"), "gone"),
        ],
    )
    def test_another_size_or_none_at_all_is_refused(self, one, s3_server, tmp_path, change, words):
        look, read = stages(tmp_path, one)
        look()
        change(s3_server)
        with pytest.raises(SourceChangedError, match=words):
            read()

    def test_an_object_replaced_while_it_is_read_is_refused(self, s3_server, tmp_path, monkeypatch):
        monkeypatch.setattr(objects, "RANGE_BYTES", 1000)
        rows = [{"id": str(n), "text": f"Row {n}."} for n in range(200)]
        address = s3_server.put("long.jsonl", as_jsonl(rows))
        with Places(tmp_path).open(address) as file:
            assert len(file.read(500)) == 500
            s3_server.put("long.jsonl", as_jsonl(rows[::-1]))
            assert len(file.read(5000)) == 500, "what was fetched before is still of one piece"
            with pytest.raises(SourceChangedError, match="replaced"):
                file.read(1)

    def test_an_unchanged_object_is_not_read_again_to_hash_it(self, one, s3_proxy, tmp_path):
        look, _ = stages(tmp_path, one)
        look()
        before = (tmp_path / "artifacts/sources.json").read_bytes()
        look()
        assert [method for method, *_ in s3_proxy.requests] == ["HEAD", "GET", "HEAD"]
        assert (tmp_path / "artifacts/sources.json").read_bytes() == before

    def test_parts_of_another_size_change_the_etag_but_not_the_listing(self, s3_server, tmp_path):
        content = as_jsonl([{"id": str(n), "text": "x" * 3000} for n in range(2500)])
        listings = []
        for name, part in (("whole", len(content)), ("parts", 5 * 2**20)):
            in_parts(s3_server, "big.jsonl", content, part)
            look, read = stages(tmp_path / name, f"s3://{BUCKET}/big.jsonl")
            look()
            listings.append((tmp_path / name / "artifacts/sources.json").read_bytes())
        assert listings[0] == listings[1]
        assert hashlib.sha256(content).hexdigest().encode() in listings[1]
        assert read().rows["documents"] == 2500

    @pytest.mark.parametrize("broken", ["", "[]", "{"])
    def test_a_broken_memory_costs_one_more_reading(self, one, tmp_path, broken):
        seen = Paths(tmp_path).seen_objects
        seen.parent.mkdir(parents=True)
        seen.write_text(broken)
        (found,) = find_sources([one], Paths(tmp_path))
        assert found.sha256 == hashlib.sha256(as_jsonl([GOOD])).hexdigest()
        assert found.sha256 in seen.read_text()


def in_parts(server, key, content, part_bytes):
    """Upload in parts, as large files are; their ETag is no hash of the content."""
    where = {"Bucket": BUCKET, "Key": key}
    upload = server.client.create_multipart_upload(**where)["UploadId"]
    parts = []
    for number, start in enumerate(range(0, len(content), part_bytes), start=1):
        body = content[start : start + part_bytes]
        done = server.client.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": done["ETag"]})
    done = server.client.complete_multipart_upload(
        **where, UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert "-" in done["ETag"]


def found_by(pattern, root):
    """Names of what a pattern finds; a refusal of any other kind is given in words."""
    try:
        return [file.path for file in find_sources([pattern], Paths(root))]
    except WinnowError as error:
        return [] if "matches" in error.problem else [str(error)]


class TestFinding:
    @pytest.mark.parametrize(
        ("pattern", "names"),
        [
            ("in/*", ["a.jsonl", "b.jsonl.gz"]),
            ("in/?.jsonl*", ["a.jsonl", "b.jsonl.gz"]),
            ("in/deep/**/*.parquet*", ["deep/er/d.parquet", "deep/er/e.parquet.gz"]),
            ("**/c.csv.*", ["deep/c.csv.zst"]),
            ("in/**c.csv.zst", []),
            ("in/.h*", [".hidden.jsonl"]),
        ],
    )
    def test_a_pattern_means_what_it_means_on_disk(self, corpus, tmp_path, pattern, names):
        corpus.client.delete_object(Bucket=BUCKET, Key="in/notes.txt")
        for key in corpus.names():
            if not key.endswith("/"):
                (tmp_path / key).parent.mkdir(parents=True, exist_ok=True)
                (tmp_path / key).write_bytes(b"")
        for prefix in ("", f"s3://{BUCKET}/"):
            assert found_by(prefix + pattern, tmp_path) == [f"{prefix}in/{name}" for name in names]

    def test_more_objects_than_one_answer_lists_are_all_found(
        self, s3_server, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(objects, "LISTED_KEYS", 3)
        put = [s3_server.put(f"many/{number}.jsonl", b"") for number in range(8)]
        assert found_by(f"s3://{BUCKET}/many/*.jsonl", tmp_path) == put

    def test_an_object_named_twice_counts_once_and_a_name_like_a_glob_means_itself(
        self, s3_server, tmp_path
    ):
        name = s3_server.put("x[1].jsonl", b"")
        s3_server.put("x1.jsonl", b"")
        patterns = [name, name, f"s3://{BUCKET}/x1.*", f"s3://{BUCKET}/*1.jsonl"]
        found = [file.path for file in find_sources(patterns, Paths(tmp_path))]
        assert found == [f"s3://{BUCKET}/x1.jsonl", name]

    def test_the_profile_may_name_server_and_credentials(
        self, one, s3_process, monkeypatch, tmp_path
    ):
        for name in (*ENVIRONMENT, "AWS_ENDPOINT_URL"):
            monkeypatch.delenv(name)
        config = tmp_path / "config"
        config.write_text(
            f"[profile team]\nregion = eu-west-1\nendpoint_url = {s3_process}\n"
            "aws_access_key_id = a\naws_secret_access_key = b\n"
        )
        monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
        monkeypatch.setenv("AWS_PROFILE", "team")
        assert find_sources([one], Paths(tmp_path))[0].path == one


class TestErrors:
    @pytest.mark.parametrize(
        ("pattern", "words"),
        [
            (
                "corpus/oen.jsonl",
                ["matches 's3://corpus/oen.jsonl'", "one.jsonl", "127."],
            ),
            ("corpus/x/*.jsonl", ["no object matches", "s3://corpus/ at", "one.jsonl"]),
            ("absent/one.jsonl", ["no such bucket", "404", "s3://absent", "AWS_ENDPOINT_URL"]),
            ("corpus", ["not the address of an object", "s3://bucket/key"]),
            ("cor*/one.jsonl", ["not the address of an object"]),
            ("corpus/one.json", [".json", "did you mean .jsonl"]),
        ],
    )
    def test_what_cannot_be_found_is_named_with_a_remedy(
        self, one, s3_server, tmp_path, pattern, words
    ):
        s3_server.put("one.json", b"{}")
        with pytest.raises(WinnowError) as raised:
            find_sources([f"s3://{pattern}"], Paths(tmp_path))
        assert not [word for word in words if word not in str(raised.value)], raised.value
        assert raised.value.remedy

    def test_without_credentials_the_remedy_says_where_they_come_from(
        self, one, monkeypatch, tmp_path
    ):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        with pytest.raises(WinnowError, match="AWS_PROFILE"):
            find_sources([one], Paths(tmp_path))

    def test_a_password_in_the_endpoint_is_shown_nowhere(
        self, one, s3_server, monkeypatch, tmp_path, caplog
    ):
        monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.01)
        host = s3_server.endpoint.removeprefix("http://")
        for address in (f"http://me:planted@{host}", "http://me:planted@127.0.0.1:1"):
            monkeypatch.setenv("AWS_ENDPOINT_URL", address)
            told = found_by(one, tmp_path)
            seen = Paths(tmp_path).seen_objects
            written = seen.read_text() if seen.exists() else ""
            assert "planted" not in f"{told} {caplog.text} {written}"
        assert "attempt 6 of 6" in caplog.text

    @pytest.mark.parametrize("endpoint", ["not a url", "http://127.0.0.1:1"])
    def test_an_endpoint_that_is_none_is_said_so(self, one, monkeypatch, tmp_path, endpoint):
        monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.01)
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
        with pytest.raises(WinnowError, match="AWS_ENDPOINT_URL"):
            find_sources([one], Paths(tmp_path))


class TestFaults:
    def test_a_busy_server_and_a_broken_answer_cost_nothing_but_time(
        self, corpus, s3_proxy, tmp_path, caplog
    ):
        calm = run_from_s3(tmp_path / "calm")
        s3_proxy.requests.clear()
        faults = [first(2, 503), first(3, Proxy.CUT, "GET /corpus/in/"), first(2, 500, "list-type")]
        s3_proxy.fault = lambda method, path: next(
            filter(None, (fault(method, path) for fault in faults)), 0
        )
        with caplog.at_level(logging.WARNING, "winnow"):
            stormy = run_from_s3(tmp_path / "stormy")
        assert stormy.documents.equals(calm.documents)
        assert stormy.quarantine.equals(calm.quarantine)
        counted = [s3_proxy.counted(status) for status in (503, Proxy.CUT, 500)]
        assert counted == [2, 3, 2]
        told = [text for text in caplog.messages if "attempt" in text]
        assert len(told) == sum(counted), "each retry is in the log"
        assert "s3://corpus/in/" in told[0]

    def test_a_server_that_stays_busy_ends_the_run_after_a_bounded_number_of_attempts(
        self, one, s3_proxy, tmp_path
    ):
        s3_proxy.fault = lambda method, path: 503
        with pytest.raises(StorageError, match="503"):
            find_sources([one], Paths(tmp_path))
        assert s3_proxy.counted(503) == retries.ATTEMPTS

    @pytest.mark.parametrize(
        ("status", "words"), [(403, "refuses access"), (405, "cannot be read")]
    )
    def test_what_a_retry_cannot_mend_is_asked_for_once(
        self, one, s3_proxy, tmp_path, status, words
    ):
        s3_proxy.fault = lambda method, path: status
        with pytest.raises(StorageError, match=words) as raised:
            find_sources([one], Paths(tmp_path))
        assert s3_proxy.counted(status) == len(s3_proxy.requests) == 1
        assert one in str(raised.value)

    def test_a_missing_object_is_not_asked_for_again(self, s3_proxy, tmp_path):
        with pytest.raises(WinnowError, match="no object matches"):
            find_sources([f"s3://{BUCKET}/none.jsonl"], Paths(tmp_path))
        assert [(method, status) for method, _, status in s3_proxy.requests] == [
            ("HEAD", 404),
            ("GET", 200),  # the listing that names what is there
        ]


class TestReference:
    TEXT = b"a reference of plain words\nanother line\n"

    def look(self, root, address):
        given = {"ingest": {"sources": ["x.jsonl"]}, "score": {"reference": address}}
        (root / "x.jsonl").write_bytes(as_jsonl([GOOD]))
        sources.run(Params.model_validate(given), Paths(root))

    def test_it_is_copied_for_as_long_as_it_is_read(self, s3_server, tmp_path):
        address = s3_server.put("ref/words.txt", self.TEXT)
        self.look(tmp_path, address)
        with local_reference(address, Paths(tmp_path)) as copy:
            assert (copy.name, copy.read_bytes()) == ("words.txt", self.TEXT)
        assert not copy.exists()
        listed = json.loads((tmp_path / "artifacts/sources.json").read_text())["reference"]
        assert listed == {"path": address, "sha256": hashlib.sha256(self.TEXT).hexdigest()}

    def test_one_that_changed_or_is_missing_is_refused(self, s3_server, tmp_path):
        address = s3_server.put("ref/words.txt", self.TEXT)
        self.look(tmp_path, address)
        s3_server.put("ref/words.txt", self.TEXT.upper())
        with (
            pytest.raises(SourceChangedError, match=r"ref/words\.txt"),
            local_reference(address, Paths(tmp_path)),
        ):
            pass
        with pytest.raises(SourceError, match=r"ref/no\.txt"):
            self.look(tmp_path, f"s3://{BUCKET}/ref/no.txt")


def choose_from(root, patterns, **settings):
    """Run the stages from sources to choose; returns the selection's bytes and the scores."""
    given = {
        "ingest": {"sources": patterns, "max_quarantine_share": 1.0},
        "choose": {"budget": 9},
        **settings,
    }
    params, paths = Params.model_validate(given), Paths(root)
    for stage in (sources, previous, ingest, deduplicate, embed, decontaminate, score, choose):
        stage.run(params, paths)
    return [paths.table(name).read_bytes() for name in ("selection", "rejected", "scores")]


@pytest.mark.slow
def test_the_selection_is_that_made_from_disk_byte_for_byte(corpus, tmp_path, tiny_model):
    settings = {"embed": {"model": str(tiny_model)}}
    for name, content in FILES.items():
        (tmp_path / "local" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "local" / name).write_bytes(content)
    words = b"a river and a bird\n" * 20
    (tmp_path / "local/words.txt").write_bytes(words)
    corpus.put("words.txt", words)
    local = choose_from(tmp_path / "local", PATTERNS, **settings, score={"reference": "words.txt"})
    there = f"s3://{BUCKET}/"
    remote = choose_from(
        tmp_path / "remote",
        [there + pattern for pattern in PATTERNS],
        **settings,
        store=f"{there}lance",
        score={"reference": f"{there}words.txt"},
    )
    assert pl.read_parquet(tmp_path / "local/artifacts/selection.parquet").height == 9
    assert remote == local


def test_a_large_object_is_read_piece_by_piece(s3_server, tmp_path):
    piece = as_jsonl([{"id": f"{n}", "text": "x" * 1000} for n in range(1000)])
    parts = (48 * objects.RANGE_BYTES // 8) // len(piece)
    address = s3_server.put("large.jsonl", piece * parts)
    with Places(tmp_path).open(address) as file:
        tracemalloc.start()
        size = sum(len(block) for block in iter(lambda: file.read(BLOCK_BYTES), b""))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert size == len(piece) * parts > 5 * objects.RANGE_BYTES
    assert peak < 3 * objects.RANGE_BYTES
