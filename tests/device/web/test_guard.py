"""Nobody gets in who should not: every request is a real one to a real server."""

import logging
import socket
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

TOKEN = "open-sesame-0123456789"  # noqa: S105
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "192.0.2.7",
    "127.0.0.1@evil.example",
    "[::1",
    "",
]
SHOWS_PEOPLE = ["/events", "/video.mjpg", "/snapshot.jpg", "/metrics", "/healthz"]


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def refusal(site, **options):
    with pytest.raises(InvalidStatus) as refused, site.socket(**options):
        pass
    return refused.value.response.status_code


@pytest.mark.parametrize("host", FOREIGN)
def test_a_name_that_is_not_the_page_s_own_is_refused_on_loopback_too(serve, host):
    assert serve().ask("/", headers=[("X", "y")], host=[host]).status == 421


def test_two_names_at_once_are_refused(serve):
    site = serve()
    assert site.ask("/", host=[f"127.0.0.1:{site.port}", "evil.example"]).status in (400, 421)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3:9000", "[::1]:8080", "LOCALHOST:1"])
def test_this_machine_s_own_names_are_good_through_a_tunnel_too(serve, host):
    assert serve().ask("/", host=host).status == 200


def test_a_name_behind_a_proxy_is_good_and_needs_the_token(serve):
    site = serve(names=["cam.example"], token=TOKEN)
    assert site.ask("/", host="cam.example").status == 200
    assert site.ask("/healthz", host="cam.example").status == 401
    assert site.ask("/healthz", host="cam.example", headers=[bearer(TOKEN)]).status == 200


def test_a_name_makes_a_token_needed_on_loopback(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    site = serve(names=["cam.example"])
    token = site.page.token_path.read_text().strip()
    assert site.page.token_path.stat().st_mode & 0o777 == 0o600
    assert site.ask("/healthz").status == 401
    assert site.ask("/healthz", headers=[bearer(token)]).status == 200
    assert site.page.link == f"{site.page.address}#{token}"


def test_systemd_hands_a_token_over(serve, tmp_path, monkeypatch):
    (tmp_path / "web-token").write_text(TOKEN + "\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    site = serve()
    assert site.page.token_path == tmp_path / "web-token"
    assert site.ask("/healthz").status == 401
    assert site.ask("/healthz", headers=[bearer(TOKEN)]).status == 200


def test_the_network_needs_a_token_and_may_use_an_address(serve, tmp_path, monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    site = serve(host="0.0.0.0")  # noqa: S104
    assert site.ask("/", host="192.0.2.7:8080").status == 200
    assert site.ask("/", host=f"{socket.gethostname()}.local").status == 200
    assert site.ask("/", host="evil.example").status == 421
    assert {site.ask(path).status for path in SHOWS_PEOPLE} == {401}
    assert refusal(site) == 401


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:3000", "null", "https://127.0.0.1.evil.example"]
)
def test_other_sites_are_refused_on_loopback_too(serve, origin):
    site = serve()
    assert refusal(site, origin=origin) == 403
    assert site.log_in(headers=[("Origin", origin)]).status == 403
    assert site.ask("/snapshot.jpg", headers=[("Origin", origin)]).status == 403


def test_the_page_s_own_origin_is_good(serve, receive):
    site = serve()
    site.see()
    own = f"http://127.0.0.1:{site.port}"
    assert site.log_in(headers=[("Origin", own)]).status == 204
    with site.socket(origin=own) as viewer:
        assert receive(viewer).picture


@pytest.mark.parametrize("destination", ["image", "iframe", "video", "script"])
def test_a_picture_that_another_site_embeds_is_refused(serve, destination):
    site = serve()
    site.see()
    embedded = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", destination)]
    assert site.ask("/video.mjpg", headers=embedded).status == 403
    assert site.ask("/snapshot.jpg", headers=embedded).status == 403


def test_a_link_from_another_site_leads_to_the_page(serve):
    clicked = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
    assert serve().ask("/", headers=clicked).status == 200


def test_without_the_token_the_page_s_shell_is_all_there_is(serve):
    site = serve(token=TOKEN)
    site.see()
    assert {site.ask(path).status for path in ("/", "/kiosk", "/static/page.css", "/theme.css")} == {200}
    assert {site.ask(path).status for path in [*SHOWS_PEOPLE, "/nothing", "/login"]} == {401}
    assert refusal(site) == 401


def test_a_cookie_is_given_for_the_token_and_does_not_hold_it(serve, receive):
    site = serve(token=TOKEN)
    site.see()
    answer = site.log_in()
    assert answer.status == 204
    cookie, *flags = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(flags)
    assert "Secure" not in flags
    assert TOKEN not in cookie
    with site.socket(additional_headers={"Cookie": f'odd={{"a": 1}}; {cookie}'}) as viewer:
        assert receive(viewer).picture
    assert site.ask("/login", headers=[("Cookie", cookie)]).status == 204
    assert site.ask("/snapshot.jpg", headers=[("Cookie", cookie)]).body.startswith(b"\xff\xd8")
    assert site.ask("/snapshot.jpg", headers=[("Cookie", cookie[:-1] + "x")]).status == 401


def test_programs_send_the_token_as_bearer(serve, receive):
    site = serve(token=TOKEN)
    site.see()
    assert site.ask("/snapshot.jpg", headers=[bearer(TOKEN)]).status == 200
    with site.socket(additional_headers=dict([bearer(TOKEN)])) as viewer:
        assert receive(viewer).picture
    assert refusal(site, additional_headers=dict([bearer("wrong")])) == 401


@pytest.mark.parametrize("query", [f"token={TOKEN}", f"access_token={TOKEN}", f"x={TOKEN}", "token="])
def test_a_token_in_an_address_is_refused(serve, query):
    site = serve(token=TOKEN)
    assert site.ask(f"/snapshot.jpg?{query}").status == 400
    assert site.ask(f"/?{query}", headers=[bearer(TOKEN)]).status == 400
    assert refusal(site, path=f"/ws?{query}") == 400


def test_another_query_does_no_harm(serve):
    site = serve()
    site.see()
    assert site.ask("/snapshot.jpg?time=17").status == 200


def test_no_log_line_holds_the_token_or_the_cookie(serve, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    site = serve(token=TOKEN)
    site.see()
    cookie = site.log_in().headers["set-cookie"].partition(";")[0]
    for headers in ([bearer(TOKEN)], [("Cookie", cookie)], [bearer("wrong" + TOKEN)]):
        site.ask("/snapshot.jpg", headers=headers)
        site.ask(f"/?token={TOKEN}", headers=headers)
    with site.socket(additional_headers={"Cookie": cookie}) as viewer:
        viewer.recv(timeout=20)
    refusal(site, path=f"/ws?token={TOKEN}")
    site.log_in(TOKEN + "x")
    site.page.close()
    # The client's own log, in this process, is not the server's.
    server = [record for record in caplog.records if not record.name.startswith("websockets")]
    shown = capfd.readouterr()
    for text in (*(record.getMessage() for record in server), shown.out, shown.err):
        assert TOKEN not in text
        assert cookie not in text


def test_wrong_tokens_are_limited_and_the_right_one_waits_then_too(serve):
    site = serve(token=TOKEN)
    cookie = site.log_in().headers["set-cookie"].partition(";")[0]
    assert [site.log_in("wrong").status for _ in range(3)] == [403] * 3
    assert [site.ask("/healthz", headers=[bearer("wrong")]).status for _ in range(2)] == [401] * 2
    assert refusal(site, additional_headers=dict([bearer("wrong")])) == 429
    late = site.log_in()
    assert late.status == 429
    assert 0 < int(late.headers["retry-after"]) <= 61
    # Who is in stays in.
    assert site.ask("/healthz", headers=[("Cookie", cookie)]).status == 200


def test_every_answer_keeps_browsers_strict(serve):
    site = serve(token=TOKEN)
    for path in ("/", "/static/page.css", "/nothing", "/snapshot.jpg", "/login"):
        headers = site.ask(path).headers
        policy = dict(each.split(" ", 1) for each in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/static/../live_page.py",
        "/static/..%2flive_page.py",
        "/static/%2e%2e/live_page.py",
        "/static//etc/passwd",
        "/static/..%5c..%5clive_page.py",
        "/static/%2fetc/passwd",
        "/static/",
        "/static/x%00.css",
    ],
)
def test_nothing_lies_beside_the_static_files(serve, path):
    assert serve().ask(path).status in (404, 405)


def test_a_huge_body_is_refused_before_it_has_come(serve):
    site = serve(token=TOKEN)
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as client:
        client.sendall(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n" + b"x" * 4096)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")
    assert site.log_in().status == 204


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"\xff", b'"' + TOKEN.encode() + b'"', b'{"token": 7}', b"[" * 900]
)
def test_a_body_that_is_no_token_is_refused(serve, body):
    assert serve(token=TOKEN).ask("/login", "POST", body).status in (400, 403)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "POST"])
def test_there_is_nothing_to_change(serve, method):
    site = serve()
    assert {site.ask(path, method).status for path in ("/", "/snapshot.jpg", "/metrics")} == {405}


def test_a_page_that_says_anything_else_than_next_is_cut_off(serve, end_of):
    site = serve()
    site.see()
    for said in ("hello", b"next", "x" * 5000):
        with site.socket() as viewer:
            viewer.recv(timeout=20)
            viewer.send(said)
            assert end_of(viewer) in (1008, 1009)
    assert site.ask("/healthz").status == 200


def test_a_page_that_takes_more_than_it_was_sent_is_cut_off(serve, end_of):
    site = serve()
    with site.socket() as viewer:
        with suppress(ConnectionClosed):  # it may be cut off before the third
            for _ in range(3):
                viewer.send("next")
        assert end_of(viewer) == 1008


def test_silent_connections_leave_files_for_the_camera(serve):
    site = serve(viewers=1)
    silent = [socket.create_connection(("127.0.0.1", site.port), timeout=20) for _ in range(200)]
    # The answer comes after all of them were accepted, and those too many cut off.
    ended = 0
    while ended < 50:
        ended = 0
        for each in silent:
            each.setblocking(False)
            try:
                ended += each.recv(1) == b""
            except BlockingIOError:
                pass
            except ConnectionError:
                ended += 1
    for each in silent:
        each.close()
