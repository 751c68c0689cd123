"""The overlays as they are applied: known to Kubernetes, careful, and of one piece."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from render import Object, containers, pod, render

HERE = Path(__file__).parent
OVERLAYS = sorted(path.parent for path in (HERE.parent / "kubernetes/overlays").glob("*/kustomization.yaml"))
# The oldest that deploy/README.md names, and the newest that is known here.
VERSIONS = ["1.30", kubernetes_validate.latest_version()]
FOREIGN = {"ScaledObject", "TriggerAuthentication", "ServiceMonitor"}


@pytest.fixture(params=OVERLAYS, ids=lambda folder: folder.name)
def objects(request: pytest.FixtureRequest) -> list[Object]:
    return render(request.param)


def test_kubernetes_knows_every_field(objects: list[Object]) -> None:
    for made in objects:
        if made["kind"] not in FOREIGN:
            for version in VERSIONS:
                kubernetes_validate.validate(made, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_found(objects: list[Object]) -> None:
    web = next(made for made in objects if made["kind"] == "Deployment")
    web["spec"]["template"]["spec"]["terminationGracePeriod"] = 75
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(web, VERSIONS[0], strict=True)


def test_other_kinds_fit_the_schemas_of_their_projects() -> None:
    foreign = [made for folder in OVERLAYS for made in render(folder) if made["kind"] in FOREIGN]
    assert {made["kind"] for made in foreign} == FOREIGN

    def check(objects: list[Object]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["node", "crds.mjs"], cwd=HERE, input=json.dumps(objects), capture_output=True, text=True, check=False
        )

    checked = check(foreign)
    assert checked.returncode == 0, checked.stderr
    del next(made for made in foreign if made["kind"] == "ScaledObject")["spec"]["scaleTargetRef"]["name"]
    assert "scaleTargetRef" in check(foreign).stderr


def test_no_pod_may_more_than_it_needs(objects: list[Object]) -> None:
    pods = [template for made in objects if (template := pod(made))]
    assert len(pods) == 3
    for template in pods:
        spec = template["spec"]
        assert spec["automountServiceAccountToken"] is False
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True and security["runAsUser"] >= 10_000
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert "memory" in container["resources"]["limits"]
            # No tag of its own would be whatever is newest.
            assert ":" in container["image"] and not container["image"].endswith(":latest")


def test_a_pod_has_the_time_to_give_its_steps_back(objects: list[Object]) -> None:
    # 40 s for the engine, then sockets, answers and the last commits (server/src/cmd/serve.rs).
    for made in objects:
        if made["kind"] == "Deployment":
            hook = containers(made)[0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            assert pod(made)["spec"]["terminationGracePeriodSeconds"] - hook >= 55


def test_secrets_are_files_and_no_pod_that_serves_has_the_address_of_the_owner(objects: list[Object]) -> None:
    settings = next(made["data"] for made in objects if made["kind"] == "ConfigMap")
    known = {"weft-database": ["url", "owner-url"], "weft-secret-keys": ["keys"]}
    for made in objects:
        if not (template := pod(made)):
            continue
        files = set()
        for container in containers(made):
            # Whatever stands in the environment is seen by more than the program.
            assert all("valueFrom" not in variable for variable in container.get("env", []))
            variables = {variable["name"]: variable["value"] for variable in container.get("env", [])}
            variables = variables if made["kind"] == "Job" else settings | variables
            folders = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
            assert all(mount["readOnly"] for mount in container["volumeMounts"])
            for volume in template["spec"]["volumes"]:
                assert volume["secret"]["defaultMode"] == 0o440
                items = [item["path"] for item in volume["secret"].get("items", [])]
                items = items or known[volume["secret"]["secretName"]]
                files |= {f"{folders[volume['name']]}/{item}" for item in items}
            named = {name: value for name, value in variables.items() if "/run/secrets/" in value}
            assert "DATABASE_URL" in named and all(value.removeprefix("file:") in files for value in named.values())
        assert ("/run/secrets/database/owner-url" in files) == (made["kind"] == "Job")


def test_pods_reach_what_they_need_and_are_reached_by_whom_they_are_for(objects: list[Object]) -> None:
    def ports(component: str, way: str) -> set[tuple[str, int]]:
        """What all policies over such a pod let through together."""
        labels = {"app.kubernetes.io/name": "weft", "app.kubernetes.io/component": component}
        over = [made["spec"] for made in objects if made["kind"] == "NetworkPolicy"]
        over = [spec for spec in over if spec["podSelector"]["matchLabels"].items() <= labels.items()]
        assert any(way.capitalize() in spec["policyTypes"] for spec in over), "all is let through where no policy is"
        found = [port for spec in over for rule in spec.get(way, []) for port in rule["ports"]]
        return {(port["protocol"], port["port"]) for port in found}

    everybody = {("UDP", 53), ("TCP", 53), ("TCP", 5432), ("TCP", 6432), ("TCP", 443)}
    assert ports("migrate", "egress") == ports("work", "egress") == everybody
    # Where mail servers take mail of their own people.
    assert ports("web", "egress") == everybody | {("TCP", 465), ("TCP", 587)}
    assert ports("web", "ingress") == {("TCP", 3000), ("TCP", 9464)}
    assert ports("work", "ingress") == {("TCP", 9464)}


def test_nodes_are_emptied_while_the_database_is_away(objects: list[Object]) -> None:
    budgets = [made["spec"] for made in objects if made["kind"] == "PodDisruptionBudget"]
    assert len(budgets) == 2
    for budget in budgets:
        assert budget["maxUnavailable"] == 1 and budget["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def selectors(made: Object) -> Iterator[dict[str, str]]:
    spec = made.get("spec", {})
    if made["kind"] == "Service":
        yield spec["selector"]
    elif made["kind"] in {"PodDisruptionBudget", "Deployment"}:
        yield spec["selector"]["matchLabels"]
    elif made["kind"] == "NetworkPolicy":
        yield spec["podSelector"]["matchLabels"]


def test_whatever_selects_pods_finds_some_and_whatever_is_named_is_there(objects: list[Object]) -> None:
    labels = [template["metadata"]["labels"] for made in objects if (template := pod(made))]
    for made in objects:
        for wanted in selectors(made):
            assert any(wanted.items() <= found.items() for found in labels), made["metadata"]["name"]
    there = {(made["kind"], made["metadata"]["name"]) for made in objects}
    for made in objects:
        for container in containers(made):
            for source in container.get("envFrom", []):
                assert ("ConfigMap", source["configMapRef"]["name"]) in there
        if made["kind"] == "ScaledObject":
            assert ("Deployment", made["spec"]["scaleTargetRef"]["name"]) in there
    services = [made["metadata"]["labels"] for made in objects if made["kind"] == "Service"]
    for monitor in (made for made in objects if made["kind"] == "ServiceMonitor"):
        assert any(monitor["spec"]["selector"]["matchLabels"].items() <= found.items() for found in services)


def test_kustomize_says_the_same_where_it_is_installed() -> None:
    kubectl = shutil.which("kubectl")
    for folder in OVERLAYS if kubectl else []:
        said = subprocess.run([kubectl, "kustomize", folder], capture_output=True, text=True, check=True).stdout
        theirs = [made for made in yaml.safe_load_all(said) if made]

        def by_name(made: Object) -> tuple[str, str]:
            return made["kind"], made["metadata"]["name"]

        assert sorted(theirs, key=by_name) == sorted(render(folder), key=by_name), folder
