"""The estimate of a run from a glance, the past and what the cache holds."""

import pytest

from schemas.params import Params
from tasks import PIPELINE
from tasks.glance import Sample
from tasks.history import Entry
from tasks.outlook import Known, outlook

SIZES = {"documents": 1000.0, "vectors": 800.0}


def sample(records: int = 10_000) -> Sample:
    return Sample(files=1, bytes=10**6, whole_bytes=10**6, whole_records=records, ratios=[0.01],
                  records=100, accepted=90, chars=90 * 440)  # fmt: skip


def entry(stage: str, units: float, seconds: float, variant: str = "", cores: int = 2) -> Entry:
    return Entry(stage, "1.0.0", units, seconds, 300.0, cores, variant, SIZES)


def stage(found, name):
    return next(one for one in found.stages if one.stage == name)


def test_sizes_follow_from_the_glance_the_last_run_and_the_cache():
    found = outlook(Params(), sample(), [entry("report", 800, 1)], Known(share=0.75), "embed")
    middle = {name: round(size.middle) for name, size in found.sizes.items()}
    assert middle["records"] == 10_000
    assert middle["documents"] == 9_000
    assert middle["vectors"] == 7_200
    assert middle["encoded_rows"] == 7_200 - 6_750
    assert middle["encoded_tokens"] == 450 * 100


def test_stages_before_the_first_stale_one_cost_nothing():
    found = outlook(Params(), sample(), [], Known(), "choose")
    runs = [one.stage for one in found.stages if one.runs]
    assert runs == ["sources", *PIPELINE[PIPELINE.index("choose") :]]
    parts = sum(stage(found, name).seconds.middle for name in runs)
    assert found.seconds.middle == pytest.approx(parts)
    none = outlook(Params(), sample(), [], Known(), None)
    assert none.seconds.middle < 1


def test_embedding_is_what_is_not_cached_at_the_measured_speed():
    past = [entry("embed", 1e5, 15 + 50, "model"), entry("embed", 2e5, 15 + 100, "model")]
    known = Known(variants={"embed": "model"}, cores=2)
    found = stage(outlook(Params(), sample(), past, known, "embed"), "embed")
    assert found.seconds.middle == pytest.approx(15 + 7_200 * 100 / 2000, rel=0.15)
    assert found.basis == "2 past runs"
    all_known = Known(share=1.0, variants={"embed": "model"}, cores=2)
    assert stage(outlook(Params(), sample(), past, all_known, "embed"), "embed").units == 0


def test_another_model_is_tried_or_a_default_and_it_says_which():
    past = [entry("embed", 1e5, 65, "model")]
    other = Known(variants={"embed": "other"}, cores=2)
    assert stage(outlook(Params(), sample(), past, other, None), "embed").basis == "shipped default"
    tried = Known(variants={"embed": "other"}, probe=(3_000, 1.0), cores=2)
    found = stage(outlook(Params(), sample(), past, tried, None), "embed")
    assert found.basis == "a try of the model"
    assert found.seconds.middle == pytest.approx(15 + 7_200 * 100 / 3_000, rel=0.1)


def test_runs_on_as_many_cores_count_before_others():
    past = [entry("validate", 1e4, 100, cores=8), entry("validate", 1e4, 20, cores=2)]
    found = stage(outlook(Params(), sample(), past, Known(cores=2), None), "validate")
    assert found.seconds.measured == 1
    assert found.seconds.middle == pytest.approx(20, rel=0.2)


def test_memory_is_that_of_the_largest_stage_and_disk_as_measured():
    known = Known(bytes_per_vector={"artifacts": 5000.0, "lancedb": 9000.0})
    found = outlook(Params(), sample(), [], known, "ingest")
    assert found.peak_mb.middle == max(one.peak_mb.middle for one in found.stages)
    assert found.disk["lancedb"].middle == pytest.approx(9000 * 9000)
    assert found.disk["cache"].middle == found.disk["artifacts"].middle
