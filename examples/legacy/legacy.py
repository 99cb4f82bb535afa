"""An old service in Python, which has the table players for itself, as it believes. It reads and writes by SQLAlchemy,
one line of JSON at a time."""
import json
import sys

from sqlalchemy import URL, BigInteger, Column, MetaData, Table, create_engine, select, update

engine = create_engine(URL.create("mysql+pymysql", **json.loads(sys.argv[1])))
players = Table(
    "legacy_players", MetaData(), Column("id", BigInteger, primary_key=True), Column("version", BigInteger),
    Column("gold", BigInteger),
)

for line in sys.stdin:
    request = json.loads(line)
    player = players.c.id == request["id"]
    with engine.begin() as connection:
        if "gold" not in request:
            row = connection.execute(select(players.c.gold, players.c.version).where(player)).one()
            answer = {"gold": row.gold, "version": row.version}
        elif "version" not in request:
            answer = {"rows": connection.execute(update(players).where(player).values(gold=request["gold"])).rowcount}
        else:
            read = request["version"]
            statement = update(players).where(player, players.c.version == read)
            answer = {"rows": connection.execute(statement.values(gold=request["gold"], version=read + 1)).rowcount}
    print(json.dumps(answer), flush=True)
