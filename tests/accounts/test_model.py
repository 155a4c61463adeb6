"""Sites and services beside the TM Forum's (v2 rule 19)."""

from clarion.accounts.model import AccountStatus, ServiceStatus, SiteStatus

TMF674 = {"Planned": "planned", "Active": "active", "Inactive": "inactive", "Closed": "terminated"}
TMF638 = {
    "InProgress": "reserved",
    "ReadyForService": "active",
    "Suspended": "suspended",
    "Deactivated": "terminated",
    "Cancelled": "terminated",
}


def test_v2_rule_19_every_state_has_its_counterpart() -> None:
    assert [status.value for status in SiteStatus] == list(TMF674)
    assert [status.value for status in ServiceStatus] == list(TMF638)
    assert [status.value for status in AccountStatus] == ["Active", "Suspended", "Closed"]
