"""What the viewer keeps to itself, and what it does when the server refuses."""

from __future__ import annotations

import json

from running_server import running

IMAGE = "phantom-00004.png"


def test_nothing_names_the_patient_outside_the_page(viewer, images):
    page = viewer().open()
    name = "DOE^JANE <img src=x onerror=alert(1)>.png"
    page.drop((name, (images / IMAGE).read_bytes()))
    page.detected()
    assert page.page.locator("#images .name").first.inner_text() == name
    assert page.page.locator("#images img").count() == 0
    sent = [request.url + (request.post_data_buffer or b"").decode("latin-1") for request in page.requests]
    assert len(sent) > 5 and not any("DOE" in one for one in sent)
    assert {request.url.split("/")[2] for request in page.requests} == {page.address.split("/")[2]}
    kept = "() => [localStorage.length, sessionStorage.length, document.cookie, location.href]"
    assert page.page.evaluate(kept) == [0, 0, "", page.address]


def test_the_token_is_asked_for_and_only_sent_as_a_header(viewer, images, tmp_path):
    token = "a-token-of-thirty-two-letters-xx"
    with running(tmp_path, "--images", str(images), "--threads", "1", MDFNET_TOKEN=token) as server:
        page = viewer(server.url)
        page.page.goto(page.address)
        for typed in ("wrong", token):
            page.page.locator("#token").fill(typed)
            page.page.get_by_role("button", name="Go on").click()
        page.page.locator("#classes li").first.wait_for()
        page.open_listed(IMAGE)
        assert page.findings()
        assert not any(token in request.url for request in page.requests)
        assert page.page.evaluate("() => localStorage.length + sessionStorage.length") == 0
        page.errors = [line for line in page.errors if "401" not in line]


def test_what_is_no_image_is_refused_in_words(viewer):
    page = viewer().open()
    page.drop(("notes.txt", b"not an image"))
    message = page.page.get_by_role("alert")
    message.wait_for()
    assert message.locator("span").inner_text() == "notes.txt: not a PNG, JPEG or DICOM image"
    assert page.page.locator("#images button", has_text="notes.txt").count() == 0, "it can never be opened"
    assert page.page.locator("#what-if-state").inner_text() == "", "without an image there is no record"
    page.errors = [line for line in page.errors if "422" not in line]
    page.page.get_by_role("button", name="Close").click()
    assert message.is_hidden()


def test_a_record_that_is_no_json_is_refused_in_words(viewer):
    page = viewer().open().open_listed(IMAGE)
    page.drop(("record.json", b"{age: 50"))
    message = page.page.get_by_role("alert").inner_text()
    assert message.startswith("the record is not JSON: give an object in the schema's units or a FHIR bundle")


def test_an_image_that_the_server_has_let_go_is_sent_again(viewer):
    page = viewer().open().open_listed(IMAGE)
    gone = {"error": {"code": "image_gone", "message": "no such image is open", "fix": "open it again"}}
    page.page.route("**/what-if", lambda route: route.fulfill(status=404, body=json.dumps(gone)), times=1)
    page.slider("Body temperature").focus()
    page.page.keyboard.press("ArrowRight")
    page.settled()
    assert page.page.locator("#timing").inner_text().startswith("what-if answered")
    assert page.page.get_by_role("alert").is_hidden()
    assert sum("/v1/worklist/" in request.url for request in page.requests) == 2
    page.errors = [line for line in page.errors if "404" not in line]


def test_a_full_server_is_asked_again(viewer):
    page = viewer().open()
    full = {"error": {"code": "full", "message": "the server is full", "fix": None}}
    refuse = {"status": 503, "body": json.dumps(full), "headers": {"retry-after": "0"}}
    page.page.route("**/detect", lambda route: route.fulfill(**refuse), times=2)
    page.open_listed(IMAGE)
    assert page.findings()
    page.errors = [line for line in page.errors if "503" not in line]


def test_an_answer_for_another_image_is_never_shown(viewer):
    page = viewer().open().open_listed(IMAGE)
    held = []
    page.page.route("**/what-if", lambda route: held.append(route), times=1)
    page.slider("Body temperature").focus()
    with page.page.expect_request("**/what-if"):
        page.page.keyboard.press("ArrowRight")
    page.open_listed("phantom-00000.png")
    (route,) = held
    route.continue_()
    page.settled()
    assert page.findings() == []
    assert page.page.locator("#what-if-badge").is_hidden()
