"""Sites on the wire."""

from clarion.accounts import sites
from clarion.api.v2.accounts import ACCOUNTS
from clarion.api.v2.resource import Resource, handlers

SITES = Resource(
    sites.SITES,
    "/v2/sites/{siteId}",
    scope=sites.visible,
    show=lambda _caller, site: sites.shown(site),
    creating=sites.create_site,
    updating=sites.update_site,
    deleting=sites.delete_site,
)

HANDLERS = {
    **handlers(SITES, list="listSites", create="createSite", get="getSite", update="updateSite", delete="deleteSite"),
    "listAccountSites": SITES.below(ACCOUNTS),
}
