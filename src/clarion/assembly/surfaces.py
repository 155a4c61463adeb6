"""The HTTP surfaces of an api process, each over its contract document, with the services it needs."""

from datetime import timedelta

from clarion.api.admin.call import AdminSettings
from clarion.api.admin.call import Services as AdminServices
from clarion.api.admin.surface import AdminSurface
from clarion.api.contract.engine import Contract
from clarion.api.edge import App, Health, create_app
from clarion.api.reference.surface import ReferenceSurface
from clarion.api.sdk.call import SdkSettings
from clarion.api.sdk.call import Services as SdkServices
from clarion.api.sdk.surface import SdkSurface
from clarion.api.v1.call import Services, V1Settings
from clarion.api.v1.surface import V1Surface
from clarion.api.v2.call import Services as V2Services
from clarion.api.v2.surface import v2_surfaces
from clarion.api.v2.transport import V2Settings
from clarion.assembly.operations import ADMIN_HANDLERS, SDK_HANDLERS, V1_HANDLERS, V2_HANDLERS, V2_UNINDEXED
from clarion.base.sealing import Sealer
from clarion.base.settings import Settings
from clarion.db.pool import Database
from clarion.http.addresses import Targets
from clarion.identity import signature


def build(db: Database, sealer: Sealer, settings: Settings, health: Health) -> App:
    """The ASGI application. Raises ConfigurationError when an operation is neither bound nor declared as unbuilt."""
    v1 = V1Settings(
        base_url=settings.public_url or None, signature_window=signature.time_window(settings.v1_time_window or None)
    )
    services = Services(db, sealer, v1)
    sdk = SdkServices(db, sealer, SdkSettings(public_url=settings.public_url))
    admin = AdminServices(db, sealer, AdminSettings(public_url=settings.public_url, snapshots=settings.snapshots))
    v2 = V2Services(
        db,
        sealer,
        V2Settings(
            public_url=settings.public_url,
            insecure_loopback=settings.insecure_v2,
            cors_origins=frozenset(settings.cors_origins),
            token_life=timedelta(seconds=settings.token_life),
            wait_time_freshness=timedelta(seconds=settings.wait_time_freshness),
            targets=Targets(settings.webhook_networks),
            reply_life=timedelta(seconds=settings.reply_life),
        ),
    )
    contracts = {name: Contract.load(name) for name in ("v1", "v2", "sdk", "admin")}
    return create_app(
        [
            V1Surface(services, V1_HANDLERS, contracts["v1"]),
            SdkSurface(contracts["sdk"], sdk, SDK_HANDLERS),
            AdminSurface(contracts["admin"], admin, ADMIN_HANDLERS),
            *v2_surfaces(contracts["v2"], v2, V2_HANDLERS),
            ReferenceSurface(
                {name: contract.document for name, contract in contracts.items()}, settings.public_url, V2_UNINDEXED
            ),
        ],
        health,
        trusted_proxies=settings.trusted_proxies,
    )
