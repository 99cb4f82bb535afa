"""A Python service that writes the tables of sql_models with SQLAlchemy."""
import datetime
import decimal
import json
import sys
import uuid

import pymysql
from sqlalchemy import (
    JSON, URL, BigInteger, Boolean, Column, Date, DateTime, Enum, Float, Integer, Interval, LargeBinary, MetaData,
    Numeric, Table, Text, Time, Uuid, create_engine, select, update,
)
from sqlalchemy.dialects.mysql import DATETIME
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.orm.exc import StaleDataError

from serve import increments, serve
from sql_models import Base, Player, Position

server = json.loads(sys.argv[1])
engine = create_engine(
    URL.create("mariadb+pymysql" if server.pop("mariadb") else "mysql+pymysql", **server),
    connect_args={"ssl_verify_cert": False, "charset": "utf8mb4", "init_command": "SET time_zone = '+00:00'"},
)

Old = declarative_base()


class OldPlayer(Old):
    """The same table in a service that knows no versions."""

    __table__ = Base.metadata.tables["players"].to_metadata(Old.metadata)
    __mapper_args__ = {"exclude_properties": ["version"]}


# For each column how a text becomes its value, and its value a text.
texts = {
    "name": (str, str), "bio": (str, str), "nick": (str, str),
    "position": (lambda text: Position[text], lambda value: value.name),
    "active": (lambda text: text == "true", lambda value: {True: "true", False: "false"}[value]),
    "level": (int, str), "gold": (int, str),
    "rating": (float, repr),
    "wage": (decimal.Decimal, str), "bonus": (decimal.Decimal, str),
    "born": (datetime.date.fromisoformat, datetime.date.isoformat),
    "seen": (datetime.datetime.fromisoformat, datetime.datetime.isoformat),
    "retired": (datetime.datetime.fromisoformat, datetime.datetime.isoformat),
    "token": (uuid.UUID, str),
    "avatar": (bytes.fromhex, bytes.hex),
    "home": (json.loads, lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True)),
    "nicknames": (json.loads, lambda value: json.dumps(value, ensure_ascii=False)),
}


def parse(fields):
    return {name: None if text is None else texts[name][0](text) for name, text in fields.items()}


def create():
    Base.metadata.create_all(engine)
    return {column.name: repr(column.type) for column in Player.__table__.columns}


def insert(id, fields, knows_versions=True):
    with Session(engine) as session:
        session.add((Player if knows_versions else OldPlayer)(id=id, **parse(fields)))
        session.commit()


def change(id, fields):
    with Session(engine) as session:
        player = session.get(Player, id)
        for name, value in parse(fields).items():
            setattr(player, name, value)
        session.commit()


def read(id):
    with Session(engine) as session:
        player = session.get(Player, id)
        return {"version": str(player.version)} | {
            name: None if getattr(player, name) is None else show(getattr(player, name))
            for name, (_, show) in texts.items()
        }


class Way:
    """One way to add 1 to a player's gold: begin reads, and finish writes what begin has returned."""

    def begin(self, id):
        return id


class Versioned(Way):
    """An object of a session, by its version_id_col."""

    player = Player
    options = {}

    def begin(self, id):
        session = Session(engine)
        return session, session.get(self.player, id, **self.options)

    def finish(self, begun):
        session, player = begun
        with session:
            player.gold += 1
            session.commit()


class Locked(Versioned):
    """The same, with the row locked by the read."""

    options = {"with_for_update": True}


class Unversioned(Versioned):
    """The same, by a mapping that knows no version."""

    player = OldPlayer


class Refused(Exception):
    """No row had the version that was read."""


class Filtered(Way):
    """A statement with the version in its filter and among what it sets."""

    def begin(self, id):
        with Session(engine) as session:
            return id, *session.execute(select(Player.gold, Player.version).where(Player.id == id)).one()

    def finish(self, begun):
        id, gold, version = begun
        with Session(engine) as session:
            n = session.execute(
                update(Player).where(Player.id == id, Player.version == version)
                .values(gold=gold + 1, version=version + 1)
            ).rowcount
            session.commit()
        if n == 0:
            raise Refused


class Counted(Way):
    """A statement that adds in the database, and moves the version."""

    values = {"gold": Player.gold + 1, "version": Player.version + 1}

    def finish(self, id):
        with Session(engine) as session:
            session.execute(update(Player).where(Player.id == id).values(self.values))
            session.commit()


class CountedUnversioned(Counted):
    values = {"gold": Player.gold + 1}


class Twice(Filtered):
    """A statement for the value, and then one for the version."""

    def between(self, session):
        session.commit()

    def finish(self, begun):
        id, gold, _ = begun
        with Session(engine) as session:
            session.execute(update(Player).where(Player.id == id).values(gold=gold + 1))
            self.between(session)
            session.execute(update(Player).where(Player.id == id).values(version=Player.version + 1))
            session.commit()


class TwiceInOne(Twice):
    """The same in one transaction."""

    def between(self, session):
        pass


ways = {way.__name__: way() for way in [
    Versioned, Locked, Filtered, Counted, Unversioned, CountedUnversioned, Twice, TwiceInOne,
]}
begun = {}


def begin(way, id):
    begun[way] = ways[way].begin(id)


def finish(way):
    ways[way].finish(begun.pop(way))


def is_again(error):
    """Whether a service does the work again: what it had read is old, or the server has ended its transaction."""
    ended = isinstance(error, OperationalError) and error.orig.args[0] in (1020, 1205, 1213)
    return ended or isinstance(error, (Refused, StaleDataError))


def run(way, id, count):
    return increments(ways[way], is_again, id, count)


# What SQLAlchemy makes of its types where nothing is said besides, and a value of each.
some_uuid = uuid.UUID("00112233-4455-4677-8899-aabbccddeeff")
some_time = datetime.datetime(2026, 10, 25, 1, 30, 0, 250001)
plain = {
    "Boolean": (Boolean(), True),
    "Integer": (Integer(), 1 << 30),
    "Float": (Float(), 0.1),
    "Numeric": (Numeric(), decimal.Decimal("1.25")),
    "Text": (Text(), "Zoë 👩‍🚀"),
    "LargeBinary": (LargeBinary(), b"\x00\xff"),
    "DateTime": (DateTime(), some_time),
    "DateTime(timezone=True)": (DateTime(timezone=True), some_time.replace(tzinfo=datetime.timezone.utc)),
    "DATETIME(fsp=6), at +02:00": (DATETIME(fsp=6), some_time.replace(tzinfo=datetime.timezone(
        datetime.timedelta(hours=2)))),
    "Date": (Date(), some_time.date()),
    "Time": (Time(), datetime.time(1, 30)),
    "Interval": (Interval(), datetime.timedelta(hours=30)),
    "Enum": (Enum(Position), Position.WING),
    "Uuid": (Uuid(), some_uuid),
    "Uuid(native_uuid=False)": (Uuid(native_uuid=False), some_uuid),
    "JSON": (JSON(), {"town": "Zoë"}),
    "JSON, None": (JSON(), None),
}


def plain_table(table, name):
    return Table(
        table, MetaData(), Column("id", BigInteger, primary_key=True, autoincrement=False),
        Column("version", BigInteger, nullable=False), Column("v", plain[name][0]), mysql_engine="InnoDB",
    )


def plain_create(table, name):
    """Makes a table for one type, with a row of the service's."""
    made = plain_table(table, name)
    with engine.begin() as connection:
        made.create(connection)
        connection.execute(made.insert().values(id=1, version=1, v=plain[name][1]))


def plain_read(table, name, id):
    """Says whether a row holds the service's value, and else what."""
    made = plain_table(table, name)
    with engine.connect() as connection:
        value = connection.execute(select(made.c.v).where(made.c.id == id)).scalar_one()
    return "the same" if value == plain[name][1] else f"`{value!r}`"


serve({name: globals()[name] for name in [
    "create", "insert", "change", "read", "begin", "finish", "run", "plain_create", "plain_read",
]})
