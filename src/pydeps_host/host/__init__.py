"""The facade: `plan`, `sync`, `ensure`. It joins the other rooms and adds no rule of its own."""

from pydeps_host.host.demand import Ensured
from pydeps_host.host.host import Host
from pydeps_host.host.repair_reports import Repair, RepairReport, VersionRepair, damage_to_json
from pydeps_host.host.reports import SCHEMA, ChoiceReport, ProjectReport, Status, SyncReport, VersionReport, error_to_json

__all__ = [
    "SCHEMA",
    "ChoiceReport",
    "Ensured",
    "Host",
    "ProjectReport",
    "Repair",
    "RepairReport",
    "Status",
    "SyncReport",
    "VersionRepair",
    "VersionReport",
    "damage_to_json",
    "error_to_json",
]
