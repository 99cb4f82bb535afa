"""Answers the requests that come in, a line of JSON each, by a line of JSON each, until there are no more."""
import json
import sys


def serve(commands):
    """Calls the command that a request names. What it raises is told by the name of its class, and ends nothing."""
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"value": commands[request.pop("do")](**request)}
        except Exception as error:
            answer = {"error": type(error).__name__, "text": str(error)}
        print(json.dumps(answer), flush=True)


def increments(way, is_again, id, count):
    """Adds 1 as often as it is told to, by one way of writing. Where is_again takes an error, it begins anew with what
    is stored then. It returns how often it had to."""
    again = 0
    while count > 0:
        try:
            way.finish(way.begin(id))
            count -= 1
        except Exception as error:
            if not is_again(error):
                raise
            again += 1
    return again
