"""As much of kustomize as the files of `kubernetes/` use, so that they can be checked where it is not installed.

It must never guess: a field that it does not know is an error, so that nothing is checked in another form than it is applied.
"""

from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

KNOWN = {"apiVersion", "kind", "namespace", "resources", "images", "replicas"}
# Objects of no namespace.
GLOBAL = {"Namespace"}


def read(path: Path) -> list[Object]:
    """The objects of a file."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def render(folder: Path) -> list[Object]:
    """What `kubectl apply -k` would send of this folder."""
    rules = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = set(rules) - KNOWN
    if unknown:
        raise ValueError(f"{folder}: {sorted(unknown)} are not rendered here")
    objects: list[Object] = []
    for resource in rules.get("resources", []):
        place = folder / resource
        objects += render(place) if place.is_dir() else read(place)
    for made in objects:
        if "namespace" in rules and made["kind"] not in GLOBAL:
            made["metadata"]["namespace"] = rules["namespace"]
        for image in rules.get("images", []):
            for container in containers(made):
                if container["image"] == image["name"]:
                    container["image"] = f"{image['newName']}:{image['newTag']}"
        for replicas in rules.get("replicas", []):
            if made["kind"] == "Deployment" and made["metadata"]["name"] == replicas["name"]:
                made["spec"]["replicas"] = replicas["count"]
    return objects


def pod(made: Object) -> Object | None:
    """The template of the pods that this object makes."""
    return made["spec"]["template"] if made["kind"] in {"Deployment", "Job"} else None


def containers(made: Object) -> list[Object]:
    """Its containers."""
    template = pod(made)
    return template["spec"]["containers"] if template else []
