"""Accounts and their contacts on the wire."""

from clarion.accounts import service as accounts
from clarion.api.v2.resource import Resource, handlers

ACCOUNTS = Resource(
    accounts.ACCOUNTS,
    "/v2/accounts/{accountId}",
    creating=accounts.create_account,
    updating=accounts.update_account,
    deleting=accounts.delete_account,
    operators_only=("create", "delete"),
)
CONTACTS = Resource(
    accounts.CONTACTS,
    "/v2/accounts/{accountId}/contacts/{contactId}",
    within=ACCOUNTS,
    creating=accounts.create_contact,
    updating=accounts.update_contact,
    deleting=accounts.delete_contact,
)

HANDLERS = {
    **handlers(
        ACCOUNTS,
        list="listAccounts",
        create="createAccount",
        get="getAccount",
        update="updateAccount",
        delete="deleteAccount",
    ),
    **handlers(
        CONTACTS,
        list="listContacts",
        create="createContact",
        get="getContact",
        update="updateContact",
        delete="deleteContact",
    ),
}
