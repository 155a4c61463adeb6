"""Services on the wire."""

from clarion.accounts import services
from clarion.api.v2.accounts import ACCOUNTS
from clarion.api.v2.resource import Resource, handlers
from clarion.api.v2.sites import SITES

SERVICES = Resource(
    services.SERVICES,
    "/v2/services/{serviceId}",
    creating=services.create_service,
    updating=services.update_service,
    deleting=services.delete_service,
)

HANDLERS = {
    **handlers(
        SERVICES,
        list="listServices",
        create="createService",
        get="getService",
        update="updateService",
        delete="deleteService",
    ),
    "listAccountServices": SERVICES.below(ACCOUNTS),
    "listSiteServices": SERVICES.below(SITES),
}
