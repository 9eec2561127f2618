"""Settings: each has one name in the environment, and what would be unsafe or impossible is refused with the reason."""

import dataclasses
import datetime as dt
import shutil
from pathlib import Path

import pytest
from flask import Flask

from service import create_app
from service.knowledge.yaml_file import ContentError
from service.settings import CONTENT, Settings, SettingsError, from_environment, is_loopback

TOY = Path(__file__).parent / "toy" / "content"

# Every field that an operator sets, the text in the environment, and what is read.
READ = {
    "host": ("127.0.0.2", "127.0.0.2"),
    "port": ("8123", 8123),
    "public_url": ("https://guideline.example/base", "https://guideline.example/base"),
    "auth": ("none", "none"),
    "clients_file": ("/etc/clients.yaml", "/etc/clients.yaml"),
    "replay_guard": ("local", "local"),
    "permalinks": ("clients", "clients"),
    "cors_origins": ("https://ehr.example,http://localhost:3000", ("https://ehr.example", "http://localhost:3000")),
    "rate_limit": ("30/second", "30/second"),
    "proxy_hops": ("2", 2),
    "guidelines": (" one-guideline , another-guideline", ("one-guideline", "another-guideline")),
    "guideline": ("another-guideline", "another-guideline"),
    "content": ("/srv/content", Path("/srv/content")),
    "workers": ("3", 3),
    "threads": ("5", 5),
    "max_body_bytes": ("4096", 4096),
    "max_batch": ("7", 7),
    "memory_bytes": ("1000000", 1_000_000),
    "pages": ("off", False),
    "redis_url": ("redis://cache.example:6380/1", "redis://cache.example:6380/1"),
    "redis_state_url": ("unix:///run/state.sock", "unix:///run/state.sock"),
    "service_secret": ("a secret of ours, long enough to be one", "a secret of ours, long enough to be one"),
    "near_cache_bytes": ("1000000", 1_000_000),
    "fhir_servers": (
        " https://fhir.example/r4 , https://b.example/",
        ("https://fhir.example/r4", "https://b.example/"),
    ),
    "fhir_ca": (__file__, Path(__file__)),
    "log_level": ("debug", "debug"),
    "clock_offset_days": ("400", 400),
}
NOT_OF_THE_ENVIRONMENT = {"auth_stated", "clock"}
FOLLOW = {
    "auth": {"auth_stated"},
    "clients_file": {"auth", "rate_limit"},
    "host": {"public_url"},
    "port": {"public_url"},
    "redis_url": {"redis_state_url"},
}
NUMBERS = [
    "PORT",
    "WORKERS",
    "THREADS",
    "MAX_BODY_BYTES",
    "MAX_BATCH",
    "MEMORY_BYTES",
    "NEAR_CACHE_BYTES",
    "CLOCK_OFFSET_DAYS",
    "PROXY_HOPS",
]


@pytest.fixture(autouse=True)
def no_settings_of_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make test` exports HOST and PORT."""
    for name in (field.upper() for field in READ):
        monkeypatch.delenv(name, raising=False)


def with_environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return from_environment()


def test_every_setting_has_a_line_in_this_test() -> None:
    assert {field.name for field in dataclasses.fields(Settings)} == set(READ) | NOT_OF_THE_ENVIRONMENT


@pytest.mark.parametrize("name", READ)
def test_every_setting_is_read_from_the_variable_of_its_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text, value = READ[name]
    if name == "permalinks":
        monkeypatch.setenv("CLIENTS_FILE", "/etc/clients.yaml")
    before = from_environment()
    after = with_environment(monkeypatch, **{name.upper(): text})
    assert getattr(after, name) == value
    follow = FOLLOW.get(name, set())
    changed = {
        field.name
        for field in dataclasses.fields(Settings)
        if getattr(before, field.name) != getattr(after, field.name)
    }
    assert changed - {name} == follow


def test_a_setting_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no environment shows it: a line, as an editor leaves it."""
    file = tmp_path / "url"
    file.write_text("redis://:hush@cache.example\n")
    assert with_environment(monkeypatch, REDIS_URL_FILE=str(file)).redis_url == "redis://:hush@cache.example"


@pytest.mark.parametrize("text", [None, b"\xff"])
def test_a_file_that_cannot_be_read_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: bytes | None
) -> None:
    file = tmp_path / "secret"
    if text is not None:
        file.write_bytes(text)
    with pytest.raises(SettingsError):
        with_environment(monkeypatch, SERVICE_SECRET_FILE=str(file))


def test_the_defaults_are_those_of_the_object_and_of_the_contract() -> None:
    found = from_environment()
    assert found == Settings()
    assert (found.host, found.port, found.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")
    assert (found.auth, found.auth_stated, found.guidelines, found.content) == ("none", False, (), CONTENT)


@pytest.mark.parametrize(
    "name",
    [
        "HOST",
        "PUBLIC_URL",
        "AUTH",
        "RATE_LIMIT",
        "GUIDELINES",
        "GUIDELINE",
        "CONTENT",
        "LOG_LEVEL",
        "CLIENTS_FILE",
        *NUMBERS,
    ],
)
def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """compose hands on variables that are not set as empty ones."""
    assert with_environment(monkeypatch, **{name: ""}) == Settings()


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("localhost", "80", "http://localhost:80"),
        ("::1", "8001", "http://[::1]:8001"),
        ("127.0.0.1", "9", "http://127.0.0.1:9"),
    ],
)
def test_the_public_url_follows_host_and_port_unless_it_is_set(
    monkeypatch: pytest.MonkeyPatch, host: str, port: str, url: str
) -> None:
    assert with_environment(monkeypatch, HOST=host, PORT=port).public_url == url
    assert with_environment(monkeypatch, PUBLIC_URL="https://a.example/").public_url == "https://a.example"


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",  # noqa: S104 - it is refused
        "::",
        "192.168.1.5",
        "10.0.0.1",
        "guideline.example",
        "host",
        "127.0.0.1.example",
    ],
)
def test_an_address_that_others_reach_needs_a_word_about_auth(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    with pytest.raises(SettingsError) as refused:
        with_environment(monkeypatch, HOST=host)
    assert f"HOST={host}" in str(refused.value)
    assert "AUTH" in str(refused.value)
    assert with_environment(monkeypatch, AUTH="none").host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "[::1]", "127.8.9.10"])
def test_an_address_of_this_machine_needs_none(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    assert is_loopback(host)
    assert with_environment(monkeypatch, HOST=host).loopback


def test_a_clients_file_asks_everyone_who_they_are_and_auth_none_written_out_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = with_environment(monkeypatch, CLIENTS_FILE="/etc/clients.yaml", HOST="0.0.0.0")  # noqa: S104 - not listened on
    assert (settings.auth, settings.auth_stated) == ("clients", False)
    assert with_environment(monkeypatch, AUTH="none").auth == "none"


def test_asking_who_they_are_needs_a_file_that_says_who_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="CLIENTS_FILE"):
        with_environment(monkeypatch, AUTH="clients")


@pytest.mark.parametrize("word", ["off", "Clients", "closed"])
def test_permalinks_are_one_of_two_words(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    with pytest.raises(SettingsError, match="PERMALINKS must be open or clients"):
        with_environment(monkeypatch, PERMALINKS=word)


def test_permalinks_cannot_be_closed_where_nobody_is_asked_who_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for environment in ({}, {"AUTH": "none", "CLIENTS_FILE": "/etc/clients.yaml"}):
        with pytest.raises(SettingsError, match="PERMALINKS=clients needs CLIENTS_FILE"):
            with_environment(monkeypatch, PERMALINKS="clients", **environment)


@pytest.mark.parametrize("word", ["off", "none", "Local", "memory"])
def test_the_replay_guard_is_one_of_two_words(monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    with pytest.raises(SettingsError, match="REPLAY_GUARD must be redis or local"):
        with_environment(monkeypatch, REPLAY_GUARD=word)


def test_origins_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    text = " https://ehr.example , http://localhost:3000,http://[::1]:8080,"
    origins = with_environment(monkeypatch, CORS_ORIGINS=text).cors_origins
    assert origins == ("https://ehr.example", "http://localhost:3000", "http://[::1]:8080")
    assert with_environment(monkeypatch, CORS_ORIGINS="").cors_origins == ()


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://*.example",
        "https://*",
        "null",
        "ehr.example",
        "https://ehr.example/",
        "https://ehr.example/app",
        "https://ehr.example?x",
        "https://ehr.example#x",
        "https://EHR.example",
        "HTTPS://ehr.example",
        "https://user@ehr.example",
        "https://ehr.example:443",
        "http://ehr.example:80",
        "https://ehr.example:port",
        "https://ehr.example:",
        "https://",
        "ftp://ehr.example",
        "https://[::1",
        "https://good.example,*",
    ],
)
def test_an_origin_that_no_browser_would_send_or_that_means_many_is_refused(
    monkeypatch: pytest.MonkeyPatch, origin: str
) -> None:
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        with_environment(monkeypatch, CORS_ORIGINS=origin)


@pytest.mark.parametrize("auth", ["nobody", "None", "NONE", "false", "0", " none"])
def test_auth_is_one_of_two_words(monkeypatch: pytest.MonkeyPatch, auth: str) -> None:
    with pytest.raises(SettingsError, match="AUTH must be none or clients"):
        with_environment(monkeypatch, AUTH=auth)


@pytest.mark.parametrize(
    "url",
    [
        "guideline.example",
        "//guideline.example",
        "ftp://guideline.example",
        "http://",
        "https:///path",
        "http://[::1",
        "javascript:x",
        "8000",
    ],
)
def test_the_public_url_is_an_absolute_web_address(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(SettingsError, match="PUBLIC_URL"):
        with_environment(monkeypatch, PUBLIC_URL=url)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("text", ["many", "1.5", "0x10", "1e3"])
def test_a_number_is_a_whole_number(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        with_environment(monkeypatch, **{name: text})


@pytest.mark.parametrize("name", ["WORKERS", "THREADS", "MAX_BODY_BYTES", "MAX_BATCH", "MEMORY_BYTES"])
@pytest.mark.parametrize("text", ["0", "-1"])
def test_a_number_of_something_is_at_least_one(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        with_environment(monkeypatch, **{name: text})


@pytest.mark.parametrize("port", ["-1", "65536", "99999"])
def test_a_port_is_one_that_there_is(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    with pytest.raises(SettingsError, match="PORT"):
        with_environment(monkeypatch, PORT=port)


@pytest.mark.parametrize("level", ["loud", "verbose", "5"])
def test_a_log_level_that_there_is_not_is_refused(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    with pytest.raises(SettingsError, match="LOG_LEVEL"):
        with_environment(monkeypatch, LOG_LEVEL=level)


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "INFO"])
def test_the_log_levels_that_there_are_work_in_any_case(monkeypatch: pytest.MonkeyPatch, level: str) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    create_app(from_environment())


def content_of(folder: Path, *ids: str, default: str | None = None) -> Path:
    """Write a content folder with copies of one small guideline under these ids."""
    content = folder / "content"
    shutil.copytree(TOY, content, ignore=shutil.ignore_patterns("guidelines"))
    for name in ids:
        shutil.copytree(TOY / "guidelines" / "toy-coat", content / "guidelines" / name)
        for file in content.glob(f"guidelines/{name}/*/guideline.yaml"):
            file.write_text(file.read_text().replace("id: toy-coat", f"id: {name}"))
    if default is not None:
        (content / "guidelines" / "index.yaml").write_text(f"default: {default}\n")
    return content


def start(content: Path, *guidelines: str, guideline: str = "") -> Flask:
    return create_app(Settings(content=content, guidelines=guidelines, guideline=guideline, log_level="error"))


def listed(app: Flask) -> list[str]:
    return [each["id"] for each in app.test_client().get("/v1/guidelines").get_json()["guidelines"]]


def default_of(app: Flask) -> str:
    """Return the guideline that a route without an id stands for."""
    answer = app.test_client().post("/v1/recommendations", json={}).get_json()
    name: str = answer["guideline"]["id"]
    return name


def test_all_guidelines_of_the_content_are_loaded_unless_guidelines_names_some(tmp_path: Path) -> None:
    content = content_of(tmp_path, "c-three", "a-one", "b-two")
    assert listed(start(content)) == ["a-one", "b-two", "c-three"]
    app = start(content, "c-three", "a-one")
    assert listed(app) == ["c-three", "a-one"]
    assert app.test_client().post("/v1/guidelines/b-two/recommendations", json={}).status_code == 404


@pytest.mark.parametrize(
    ("index", "guidelines", "guideline", "default"),
    [
        (None, (), "", "a-one"),
        (None, ("b-two", "a-one"), "", "b-two"),
        (None, ("b-two", "a-one"), "a-one", "a-one"),
        ("b-two", (), "", "b-two"),
        ("b-two", (), "c-three", "c-three"),
        ("b-two", ("c-three", "b-two"), "", "b-two"),
        ("b-two", ("c-three", "a-one"), "", "c-three"),
    ],
)
def test_the_default_is_guideline_else_that_of_the_content_if_loaded_else_the_first(
    tmp_path: Path, index: str | None, guidelines: tuple[str, ...], guideline: str, default: str
) -> None:
    content = content_of(tmp_path, "a-one", "b-two", "c-three", default=index)
    assert default_of(start(content, *guidelines, guideline=guideline)) == default


def test_the_default_of_the_shipped_content_is_the_documented_one() -> None:
    assert default_of(start(CONTENT)) == "mbc-primary-lrt"


def test_a_guideline_that_is_not_loaded_keeps_the_service_from_starting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"GUIDELINE=none-such .*mbc-primary-lrt"):
        create_app(Settings(guideline="none-such", log_level="error"))
    content = content_of(tmp_path, "a-one", "b-two")
    with pytest.raises(SettingsError, match=r"GUIDELINE=b-two .*there is: a-one$"):
        start(content, "a-one", guideline="b-two")


def test_an_id_that_is_not_in_the_content_keeps_the_service_from_starting(tmp_path: Path) -> None:
    content = content_of(tmp_path, "a-one", "b-two")
    with pytest.raises(ContentError, match=r"GUIDELINES names none-such, .*there is: a-one, b-two") as refused:
        start(content, "a-one", "none-such")
    assert str(content) in str(refused.value)


def test_the_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().auth = "clients"  # type: ignore[misc]


def test_the_clock_can_be_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
    assert Settings(clock=lambda: noon, clock_offset_days=400).today() == dt.date(2027, 12, 28)
    assert Settings(clock=lambda: noon).today() == dt.date(2026, 11, 23)
    moved = with_environment(monkeypatch, CLOCK_OFFSET_DAYS="-2").now() - Settings().now()
    assert abs(moved + dt.timedelta(days=2)) < dt.timedelta(minutes=1)


def test_today_is_the_day_in_utc() -> None:
    east = dt.timezone(dt.timedelta(hours=14))
    assert Settings().now().utcoffset() == dt.timedelta(0)
    moment = dt.datetime(2026, 11, 24, 1, tzinfo=east).astimezone(dt.UTC)
    assert Settings(clock=lambda: moment).today() == dt.date(2026, 11, 23)


def test_nothing_else_reads_the_environment() -> None:
    """Apart from the server's own file, and from what starts the service beside a Redis and hands it on."""
    readers = [
        str(file)
        for file in (Path(__file__).parents[1] / "service").rglob("*.py")
        if file.name not in {"settings.py", "gunicorn_config.py", "embedded.py"}
        and ("os.environ" in (text := file.read_text()) or "getenv" in text)
    ]
    assert readers == []


@pytest.mark.parametrize("name", ["REDIS_URL", "REDIS_STATE_URL"])
@pytest.mark.parametrize("url", ["http://cache.example", "cache.example:6379", "redis://cache.example:port"])
def test_what_is_no_url_of_redis_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    """It can hold a password."""
    with pytest.raises(SettingsError, match=name) as refused:
        with_environment(monkeypatch, **{name: url})
    assert url not in str(refused.value)


def test_secrets_are_not_in_what_the_settings_say_of_themselves() -> None:
    said = repr(Settings(redis_url="redis://:hush@x", redis_state_url="redis://:hush@y", service_secret="hush"))  # noqa: S106
    assert "hush" not in said


@pytest.mark.parametrize(
    "url",
    [
        "http://fhir.example/r4",  # a token is not sent in the clear
        "http://localhost.evil.example/r4",
        "fhir.example/r4",
        "ftp://fhir.example",
        "https://user:hush@fhir.example/r4",
        "https://fhir.example/r4?x=1",
        "https://fhir.example/r4#x",
        "https://fhir.example/r4/../admin",
        "https://fhir.example/r4/%2e%2e/admin",
        "https://fhir.example/r4/%2E./admin",
        "https://fhir.example:port/r4",
        "https:///r4",
        "*",
    ],
)
def test_what_is_no_base_url_of_a_fhir_server_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(SettingsError, match="FHIR_SERVERS") as refused:
        Settings(fhir_servers=("https://fhir.example/r4", url))
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["https://fhir.example", "https://fhir.example:8443/a/r4/", "http://127.0.0.1:8080/fhir"]
)
def test_a_fhir_server_over_tls_or_on_this_machine_may_be_listed(url: str) -> None:
    assert Settings(fhir_servers=(url,)).fhir_servers == (url,)


def test_an_authority_that_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="FHIR_CA"):
        Settings(fhir_ca=tmp_path / "none.pem")
