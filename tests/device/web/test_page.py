"""The live page and the kiosk view in a real browser, on a real server; results are made here."""

import time
import urllib.request
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from ferlite.device.event_types import FaceEvent, StateEvent
from ferlite.device.outputs.drawing import COLOURS
from ferlite.device.pipeline import Pipeline
from ferlite.device.state import OutputState, RateLimit, State
from ferlite.device.types import UNREADABLE, Expression, Face, Frame, FrameResult, Reading, TrackedFace
from ferlite.device.web.live_page import LivePage
from ferlite.tools.chromium import PROGRAM, Browser, BrowserError

LABELS = ("angry", "happy", "neutral")
MARKUP = "<img src=x onerror=document.title='owned'>"
TOKEN = "open-sesame-" + 30 * "x"
BOX = (0.0, 0.0, 9.0, 9.0)
LIVE = "document.body.dataset.state == 'running'"
LOST = State("reopening", "usb:0 was unplugged", attempt=2, next_try=3.6)


class Served:
    """A live page over a pipeline that is only pretended."""

    def __init__(self, labels=LABELS, port=0, **options):
        self.labels, self.number = labels, 0
        self.pretended = SimpleNamespace(
            classifier=SimpleNamespace(record=SimpleNamespace(name="a-model"), labels=labels),
            source=SimpleNamespace(spec="usb:0"),
            state=State("running", frames=7, rate=14.9),
        )
        self.page = LivePage(cast(Pipeline, self.pretended), port=port, **options)
        self.address, self.port = self.page.address, self.page._server.port

    def see(self, *faces, colour=(30, 160, 30)):
        """Show a frame with faces, each a number and a label."""
        self.number += 1
        image = np.full((240, 320, 3), colour, np.uint8)
        found = tuple(self.face(number, label) for number, label in faces)
        self.page.write(FrameResult(Frame(image, self.number, self.number / 15), found, wall=1.7e9 + self.number / 15))

    def face(self, number, label):
        face = Face((40.0 * number, 60, 30, 40), 0.9, np.zeros((5, 2), np.float32))
        if label == UNREADABLE:
            return TrackedFace(number, face, {"a-model": Reading(None, None, label)}, "too small")
        shares = np.where(np.array(self.labels) == label, 0.8, 0.2 / (len(self.labels) - 1)).astype(np.float32)
        expression = Expression(self.labels, shares)
        return TrackedFace(number, face, {"a-model": Reading(expression, expression, label)})

    def happen(self, number, label):
        self.page.event(FaceEvent("changed", number, label, 0.8, 1.0, 1.7e9 + number, 2.0, BOX, "neutral"))

    def become(self, state):
        before, self.pretended.state = self.pretended.state, state
        self.page.event(StateEvent(state, 1.0, 1.7e9, before.name, 1.0))

    @property
    def viewers(self):
        with urllib.request.urlopen(f"{self.address}metrics") as answer:  # noqa: S310
            (line,) = (line for line in answer.read().decode().splitlines() if line.startswith("ferlite_viewers "))
        return float(line.split()[1])


@pytest.fixture(scope="module")
def browser():
    if PROGRAM is None:
        pytest.skip("no chromium here")
    with Browser() as browser:
        yield browser


@pytest.fixture
def serve():
    """Serve a page until the test ends."""
    served: list[Served] = []

    def start(**options: Any) -> Served:
        served.append(Served(**options))
        return served[-1]

    yield start
    for each in served:
        each.page.close()


@pytest.fixture
def look(browser):
    """Open a page and wait until it shows a result, or something else."""
    tabs = []

    def open_tab(address, until=LIVE, **options):
        tabs.append(browser.tab(address, **options))
        tabs[-1].wait_for(until)
        return tabs[-1]

    yield open_tab
    for tab in tabs:
        tab.close()


def pixel(tab, x, y):
    return tab.evaluate(f"[...document.querySelector('canvas').getContext('2d').getImageData({x}, {y}, 1, 1).data]")


def settle(tab):
    """Give a page the time to do what it must not do."""
    tab.evaluate("new Promise((done) => setTimeout(done, 300))")


def eventually(condition):
    """Wait for something on this side; the browser's own waiting fails with a message."""
    for _ in range(500):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not come to that")


# What is shown


def test_picture_faces_bars_and_state_are_shown(serve, look):
    served = serve()
    served.see((1, "happy"), (2, UNREADABLE))
    tab = look(served.address)
    assert np.abs(np.subtract(pixel(tab, 10, 10), (30, 160, 30, 255))).max() < 8
    cards = tab.evaluate("[...document.querySelectorAll('.face')].map(face => face.innerText)")
    assert [" ".join(card.split()) for card in cards] == [
        "Face 1 80 % happy angry 10 % happy 80 % neutral 10 %",
        "Face 2 too small unreadable angry happy neutral",
    ]
    bar = "document.querySelectorAll('.bar i')[1]"
    blue, green, red = COLOURS["happy"]
    assert tab.evaluate(f"getComputedStyle({bar}).backgroundColor") == f"rgb({red}, {green}, {blue})"
    share = f"{bar}.getBoundingClientRect().width / {bar}.parentNode.getBoundingClientRect().width"
    tab.wait_for(f"Math.abs({share} - 0.8) < 0.01")
    for text in ("live", "14.9", "a-model", "usb:0", "A camera looks at people here."):
        assert text in tab.text
    assert tab.complaints == []


def test_cards_follow_the_faces_that_are_there(serve, look):
    served = serve()
    served.see((2, "happy"), (1, "angry"))
    tab = look(served.address)
    shown = "[...document.querySelectorAll('.face h3')].map(each => each.firstChild.data).join()"
    tab.wait_for(f"{shown} == 'Face 1,Face 2'")
    served.see((3, "happy"), (2, "angry"))
    tab.wait_for(f"{shown} == 'Face 2,Face 3'")
    served.see()
    tab.wait_for(f"{shown} == '' && document.body.innerText.includes('Nobody is seen.')")


def test_markup_stays_text_wherever_it_comes_from(serve, look):
    served = serve(labels=(MARKUP, "happy"))
    served.pretended.source.spec = MARKUP
    served.pretended.state = replace(served.pretended.state, outputs=(OutputState(MARKUP, 3, MARKUP),))
    served.see((1, MARKUP))
    served.happen(1, MARKUP)
    tab = look(served.address, "document.querySelector('.face')")
    served.become(replace(LOST, reason=MARKUP))
    tab.wait_for(f"document.querySelector('#trouble span').textContent == {MARKUP!r}")
    assert tab.evaluate("document.querySelectorAll('main img').length") == 0
    assert tab.text.count("<img src=x") >= 4
    kiosk = look(served.address + "kiosk", "document.querySelector('#note').textContent")
    served.pretended.state = State("running")
    served.see((1, MARKUP))
    kiosk.wait_for(f"document.querySelector('#label').textContent == {MARKUP!r}")
    assert kiosk.evaluate("document.querySelectorAll('img').length") == 0
    assert tab.evaluate("document.title").endswith("ferlite")
    assert tab.complaints == kiosk.complaints == []


def test_events_come_newest_first_and_the_oldest_go(serve, look):
    served = serve(patience=60)
    served.see()
    tab = look(served.address)
    tab.call("Network.enable")
    for number in range(1, 71):
        served.happen(number, "happy")
        if number % 20 == 0:
            tab.wait_for(f"document.querySelector('#events span')?.textContent == 'Face {number}: neutral → happy'")
    tab.wait_for("document.querySelector('#events span').textContent.startsWith('Face 70:')")
    shown = tab.evaluate(
        "[...document.querySelectorAll('#events span')].map(each => parseInt(each.textContent.slice(5)))"
    )
    assert shown == list(range(70, 20, -1))
    # Each was acknowledged: the page had no need to connect again.
    assert "Network.webSocketCreated" not in [event["method"] for event in tab.events]
    assert tab.evaluate("document.querySelector('#events time').dateTime").startswith("2023-")


def test_a_page_that_is_opened_later_shows_what_happened_and_each_event_once(serve, look):
    served = serve()
    served.happen(1, "happy")
    served.see((1, "happy"))
    tab = look(served.address, "document.querySelector('#events li')")
    tab.hide()
    eventually(lambda: served.viewers == 0)
    served.happen(2, "happy")
    tab.hide(False)
    tab.wait_for("document.querySelectorAll('#events li').length > 1")
    assert tab.evaluate("document.querySelectorAll('#events li').length") == 2


def test_a_lost_camera_is_plain_to_see_with_reason_and_next_try(serve, look):
    served = serve()
    served.see((1, "happy"))
    tab = look(served.address)
    served.become(LOST)
    tab.wait_for("document.body.dataset.state == 'reopening'")
    assert tab.evaluate("document.querySelector('#trouble').innerText") == (
        "Camera lost\nusb:0 was unplugged\nNext try in 4 s (attempt 2)"
    )
    assert tab.evaluate("document.title") == "Camera lost · ferlite"
    assert tab.evaluate("document.querySelectorAll('.face').length") == 0
    served.become(State("running", "usb:0 was unplugged", reopened=1))
    served.see((1, "happy"))
    tab.wait_for(f"{LIVE} && document.querySelector('.face')")
    assert not tab.evaluate("document.querySelector('#trouble').checkVisibility()")


def test_every_state_has_its_words(serve, look):
    served = serve()
    served.see()
    tab = look(served.address)
    for state, title in (
        (State("opening"), "Opening the camera"),
        (State("opening", "no such camera", attempt=1, next_try=0.4), "The camera does not open"),
        (State("stalled"), "The camera gives no picture"),
        (State("ended"), "The source has ended"),
        (State("failed", "gave up"), "Camera lost for good"),
    ):
        served.become(state)
        tab.wait_for(f"document.querySelector('#trouble strong').textContent == {title!r}")
        assert state.reason in tab.text


def test_an_event_is_a_sentence(serve, look):
    happened = [
        (FaceEvent("appeared", 3, "happy", 0.8, 1.0, 1.7e9, 0.3, BOX), "Face 3 appeared: happy"),
        (FaceEvent("changed", 3, "happy", 0.8, 1.0, 1.7e9, 0.3, BOX, "neutral"), "Face 3: neutral → happy"),
        (FaceEvent("held", 3, "happy", 0.8, 1.0, 1.7e9, 1.5, BOX), "Face 3 kept happy for 1.5 s"),
        (FaceEvent("left", 3, "happy", 0.8, 1.0, 1.7e9, 312.0, BOX), "Face 3 left after 5 min"),
        (StateEvent(State("running"), 1.0, 1.7e9, "stalled", 1.0), "The camera gives pictures"),
        (StateEvent(LOST, 1.0, 1.7e9, "running", 1.0), "The camera is lost: usb:0 was unplugged"),
        (StateEvent(LOST, 1.0, 1.7e9, "reopening", 1.0), "The camera is still lost (attempt 2): usb:0 was unplugged"),
    ]
    served = serve()
    for event, _ in happened:
        served.page.event(event)
    tab = look(served.address, f"document.querySelectorAll('#events li').length == {len(happened)}")
    shown = tab.evaluate("[...document.querySelectorAll('#events span')].map(each => each.textContent)")
    assert shown == [words for _, words in reversed(happened)]


def test_further_models_have_a_line_of_their_own(serve, look):
    served = serve()
    face = served.face(1, "happy")
    other = Expression(("calm", "excited"), np.array([0.3, 0.7], np.float32))
    face = replace(face, readings={**face.readings, "another": Reading(other, other, "excited")})
    served.page.write(FrameResult(Frame(np.zeros((240, 320, 3), np.uint8), 0, 0.0), (face,)))
    tab = look(served.address, "document.querySelector('.others li')")
    assert tab.evaluate("document.querySelector('.others').innerText") == "another: excited 70 %"


def test_heat_is_shown_and_what_it_slows_down(serve, look, monkeypatch):
    monkeypatch.setattr("ferlite.device.web.scene.celsius", lambda: 81.6)
    monkeypatch.setattr("ferlite.device.web.scene.throttled", lambda: 0b101)
    served = serve()
    served.see()
    tab = look(served.address)
    assert "82 °C" in tab.text
    assert "The device slows down: under-voltage, throttled" in tab.text


def test_problems_of_outputs_and_what_limits_the_rate_are_named(serve, look):
    served = serve()
    outputs = (OutputState("out.jsonl", 1204, "no space left"), OutputState("mqtt://broker"))
    served.pretended.state = replace(served.pretended.state, outputs=outputs, limit=RateLimit(7.5, "76 °C"))
    served.see()
    tab = look(served.address)
    shown = tab.evaluate("[...document.querySelectorAll('#problems li')].map(each => each.textContent)")
    assert shown == ["At most 7.5 frames a second: 76 °C", "out.jsonl: no space left (1,204 lost so far)"]


def test_without_a_picture_the_places_of_the_faces_are_shown(serve, look):
    served = serve(picture="none")
    served.see((1, "happy"))
    tab = look(served.address, "document.querySelector('.face')")
    blue, green, red = COLOURS["happy"]
    assert pixel(tab, 40, 80)[:3] == [red, green, blue]
    assert pixel(tab, 55, 80)[:3] != [red, green, blue]
    assert "The picture is left out on purpose" in tab.text


# Who may look


def test_the_token_lets_in_and_leaves_the_address_bar(serve, look):
    served = serve(token=TOKEN)
    served.see((1, "happy"))
    tab = look(f"{served.address}#{TOKEN}")
    found = (
        "[location.href, document.documentElement.outerHTML, document.cookie, ...Object.values(localStorage)].join()"
    )
    assert TOKEN not in tab.evaluate(found)
    assert tab.evaluate("location.href") == served.address
    history = tab.call("Page.getNavigationHistory")["entries"]
    assert TOKEN not in str([entry["url"] for entry in history])
    # The cookie is enough from now on.
    assert look(served.address + "kiosk", "document.querySelector('#label').textContent")


def test_without_a_token_a_form_asks_for_it(serve, look):
    served = serve(token=TOKEN)
    served.see((1, "happy"))
    tab = look(served.address.replace("127.0.0.1", "localhost"), "document.activeElement.id == 'token'")
    assert not tab.evaluate("document.querySelector('main').checkVisibility()")
    tab.type("wrong")
    tab.press("Enter")
    tab.wait_for("document.querySelector('[role=alert]').textContent == 'This token is not the right one.'")
    tab.type(f"{served.address}#{TOKEN}")
    tab.press("Enter")
    tab.wait_for(f"{LIVE} && document.querySelector('main').checkVisibility()")
    assert not tab.evaluate("document.querySelector('#login').checkVisibility()")


@pytest.mark.parametrize("way", ["address", "form"])
def test_a_token_may_hold_any_sign(serve, look, way):
    served = serve(token="100%41\"<#/?&>\"+'more'")  # noqa: S106
    served.see((1, "happy"))
    tab = look(
        served.page.link if way == "address" else served.address,
        "document.body.dataset.state || document.activeElement.id == 'token'",
    )
    if way == "form":
        tab.type(served.page._token)
        tab.press("Enter")
    tab.wait_for(LIVE)


def test_a_token_that_is_pasted_into_an_open_page_lets_in(serve, look):
    served = serve(token=TOKEN)
    served.see((1, "happy"))
    tab = look(served.address, "document.activeElement.id == 'token'")
    tab.open(served.page.link)
    tab.wait_for(f"{LIVE} && !document.querySelector('#login').checkVisibility()")
    assert tab.evaluate("location.href") == served.address


def test_a_page_that_is_opened_behind_others_keeps_no_token_either(serve, look):
    served = serve(token=TOKEN)
    tab = look("about:blank", "document.body")
    tab.hide()
    tab.open(served.page.link)
    tab.wait_for(f"location.href == {served.address!r}")


def test_a_link_within_the_page_is_not_taken_for_a_token(serve, look):
    served = serve()
    served.see((1, "happy"))
    tab = look(served.address)
    tab.press("Tab")
    tab.press("Enter")
    tab.wait_for("document.activeElement.id == 'faces-title'")
    assert tab.evaluate("location.hash") == "#faces-title"


def test_the_browser_refuses_markup_and_scripts_of_others(serve, look):
    served = serve()
    served.see()
    tab = look(served.address)
    with pytest.raises(BrowserError, match="TrustedHTML"):
        tab.evaluate("document.body.innerHTML = 'x'")
    with pytest.raises(BrowserError):
        tab.evaluate("import('data:text/javascript,1')")


# The connection


def test_a_restarted_server_is_found_again(serve, look):
    served = serve()
    served.see((1, "happy"))
    tab = look(served.address)
    served.page.close()
    tab.wait_for("document.querySelector('#trouble').innerText.startsWith('Connection lost')")
    again = serve(port=served.port)
    again.see((1, "angry"))
    tab.wait_for(f"{LIVE} && document.querySelector('.face strong').textContent == 'angry'")


def test_a_hidden_page_closes_its_stream_until_it_is_seen_again(serve, look):
    served = serve()
    served.see((1, "happy"))
    tab = look(served.address)
    assert served.viewers == 1
    tab.hide()
    eventually(lambda: served.viewers == 0)
    settle(tab)
    assert served.viewers == 0
    served.see((1, "angry"))
    tab.hide(False)
    tab.wait_for("document.querySelector('.face strong').textContent == 'angry'")
    assert served.viewers == 1


def test_eight_pages_are_live_at_once(serve, look):
    served = serve()
    served.see((1, "happy"))
    tabs = [look(served.address, size=(320, 240)) for _ in range(8)]
    served.see((1, "angry"))
    for tab in tabs:
        tab.wait_for("document.querySelector('.face strong').textContent == 'angry'")


def test_one_viewer_too_many_reads_why(serve, look):
    served = serve(viewers=1)
    served.see()
    look(served.address)
    tab = look(served.address, "document.body.dataset.state == 'refused'")
    assert "As many people as allowed are looking already." in tab.text


# Keyboard, screen reader, small and dark screens


def test_pause_and_continue_by_keyboard(serve, look):
    served = serve()
    served.see((1, "happy"))
    tab = look(served.address)
    focused = []
    while "Pause" not in focused:
        tab.press("Tab")
        focused.append(tab.evaluate("document.activeElement.textContent"))
        assert tab.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert focused == ["Skip to the faces", "Pause"]
    tab.press("Enter")
    tab.wait_for("document.body.dataset.state == 'paused'")
    eventually(lambda: served.viewers == 0)
    settle(tab)
    assert served.viewers == 0
    tab.press("Enter")
    tab.wait_for(LIVE)


def test_landmarks_and_names_are_there_for_a_screen_reader(serve, look):
    served = serve()
    served.see((1, "happy"))
    tab = look(served.address)
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    found = {(node["role"]["value"], node.get("name", {}).get("value", "")) for node in tree if not node["ignored"]}
    assert {role for role, _ in found} >= {"banner", "main", "navigation", "contentinfo"}
    assert found >= {
        ("region", "Picture"),
        ("region", "Faces 1"),
        ("region", "Events"),
        ("button", "Pause"),
        ("link", "Kiosk"),
        ("image", "Picture of the camera, with the faces marked"),
    }
    assert not {name for role, name in found if role in {"button", "link", "textbox", "image"} if not name}
    assert tab.evaluate("document.querySelectorAll('[aria-live], [role=status]').length") == 1


def test_the_live_region_does_not_chatter(serve, look):
    served = serve()
    served.see((1, "happy"))
    tab = look(served.address)
    spoken = "document.getElementById('spoken')"
    tab.wait_for(f"{spoken}.textContent == '1 face: happy.'")
    tab.evaluate(f"window.heard = []; new MutationObserver(() => heard.push({spoken}.textContent)).observe("
                 f"{spoken}, {{childList: true}})")  # fmt: skip
    for turn in range(12):
        label = LABELS[turn % 2]
        served.see((1, label))
        tab.wait_for(f"document.querySelector('.face strong').textContent == '{label}'")
    # At most one of the twelve was spoken, if five seconds went by.
    assert len(tab.evaluate("heard")) <= 1


CONTRAST = """(() => {
  const light = (colour) => colour.slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
  const numbers = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const ground = (element) => {
    const colour = numbers(getComputedStyle(element).backgroundColor);
    return colour[3] === 0 && element.parentElement ? ground(element.parentElement) : colour;
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    const text = texts.currentNode.data.trim();
    if (!text || !element.checkVisibility() || element.matches(".unseen, noscript")) continue;
    const both = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    found.push([(Math.max(...both) + 0.05) / (Math.min(...both) + 0.05), text]);
  }
  return found;
})()"""


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("state", [State("running"), LOST])
def test_every_text_stands_out_from_its_ground(serve, look, dark, state):
    served = serve()
    outputs = (OutputState("out.jsonl", 3, "no space left"),)
    served.pretended.state = replace(state, outputs=outputs)
    served.happen(1, "happy")
    served.see((1, "happy"), (2, UNREADABLE))
    tab = look(served.address, f"document.body.dataset.state == '{state.name}'", dark=dark)
    found = tab.evaluate(CONTRAST)
    assert len(found) > 15
    assert [each for each in found if each[0] < 4.5] == []


@pytest.mark.parametrize("width", [320, 844, 1280])
def test_nothing_is_cut_off_at_the_side(serve, look, width):
    long = "a-very-long-name-without-any-space" * 4
    served = serve(labels=(long, "happy"))
    served.pretended.source.spec = f"rtsp://{long}"
    served.see((1, long), (2, "happy"))
    served.happen(1, long)
    tab = look(served.address, "document.querySelector('#events li')", size=(width, 700))
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert tab.evaluate(overflow) == 0
    served.become(replace(LOST, reason=long))
    tab.wait_for("document.body.dataset.state == 'reopening'")
    assert tab.evaluate(overflow) == 0
    assert tab.evaluate("innerWidth") == width


def test_who_wants_less_motion_gets_none(serve, look):
    served = serve()
    served.see((1, "happy"))
    moving = (
        "[...document.querySelectorAll('*')].filter(e => parseFloat(getComputedStyle(e).transitionDuration)).length"
    )
    assert look(served.address, "document.querySelector('.face')").evaluate(moving) > 0
    assert look(served.address, "document.querySelector('.face')", still=True).evaluate(moving) == 0


# Kiosk view


def test_the_kiosk_shows_picture_and_label_alone_filling_the_screen(serve, look):
    served = serve()
    served.see((2, "happy"), (1, "angry"))
    tab = look(served.address + "kiosk", "document.querySelector('#label').textContent")
    assert set(tab.text.split()) == {"ferlite", "happy"}  # the nearest face comes first; the name is heard alone
    box = "(({{x, y, width, height}}) => [x, y, width, height])(document.querySelector('{}').getBoundingClientRect())"
    x, y, width, height = tab.evaluate(box.format("canvas"))
    assert (x, y, width) == (0, 0, 1280)
    assert tab.evaluate(box.format("#label")) == pytest.approx([0, height, 1280, 800 - height], abs=1)
    assert tab.evaluate("parseFloat(getComputedStyle(document.querySelector('#label')).fontSize) / innerHeight") > 0.15
    served.see()
    tab.wait_for("!document.querySelector('#label').checkVisibility()")
    served.become(LOST)
    tab.wait_for("document.querySelector('#note').textContent == 'Camera lost\\nNext try in 4 s (attempt 2)'")
    assert tab.complaints == []


def test_the_key_f_fills_the_screen_but_not_while_a_token_is_typed(serve, look):
    served = serve(token=TOKEN)
    served.see((1, "happy"))
    tab = look(served.address.replace("127.0.0.1", "localhost") + "kiosk", "document.activeElement.id == 'token'")
    tab.press("f", "f")
    settle(tab)
    assert tab.evaluate("document.querySelector('#token').value") == "f"
    assert tab.evaluate("document.fullscreenElement === null")
    tab.open(served.page.link.replace("#", "kiosk#"))
    tab.wait_for("document.querySelector('#label').textContent")
    tab.press("f")
    tab.wait_for("document.fullscreenElement")
    tab.press("f")
    tab.wait_for("!document.fullscreenElement")


def test_one_style_sheet_changes_the_kiosk(serve, look, tmp_path):
    theme = tmp_path / "theme.css"
    logo = "url(data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==)"
    theme.write_text(
        f"#label {{ color: #010203; background: {logo} }} body[data-label=happy] {{ --label-colour: #040506 }}"
    )
    served = serve(theme=theme)
    served.see((1, "happy"))
    tab = look(served.address + "kiosk", "document.querySelector('#label').textContent")
    assert tab.evaluate("getComputedStyle(document.querySelector('#label')).color") == "rgb(1, 2, 3)"
    square = "getComputedStyle(document.querySelector('#label'), '::before').backgroundColor"
    assert tab.evaluate(square) == "rgb(4, 5, 6)"
    assert tab.complaints == []
