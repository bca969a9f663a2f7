import pytest
from ckan.tests import factories
from ckan.tests.helpers import call_action
@pytest.mark.usefixtures("with_plugins","clean_db","clean_index")
def test_all(app):
    org=factories.Organization()
    d=factories.Dataset(owner_org=org["id"],title="Water")
    assert call_action("package_search",q="water")["count"]==1
    assert app.get("/dataset/").status_code==200
    assert call_action("package_show",id=d["id"])["title"]=="Water"
    call_action("package_delete",context={"user":factories.Sysadmin()["name"]},id=d["id"])
    assert call_action("package_search",q="water")["count"]==0
