"""S3 in one process (moto), with conditional writes made atomic:   serve.py -H 127.0.0.1 -p PORT

Stock moto looks at `If-Match` and `If-None-Match` and stores afterwards, so that of two racing writers both may win.
Here the look and the write happen under one lock: a race has exactly one winner, as on the real service. Everything is
kept in memory and is gone at the end. Signatures are not checked.
"""

import sys
import threading

from moto.s3.responses import S3Response

CONDITIONS = ("If-Match", "If-None-Match")
LOCK = threading.Lock()


def serialise(name: str) -> None:
    """Makes a conditional request of this kind wait for every other conditional one."""
    stock = getattr(S3Response, name)

    def wrapped(self, *args, **kwargs):
        # By name only: iterating over these headers may yield pairs.
        if any(self.headers.get(condition) for condition in CONDITIONS):
            with LOCK:
                return stock(self, *args, **kwargs)
        return stock(self, *args, **kwargs)

    setattr(S3Response, name, wrapped)


# CompleteMultipartUpload has no method of its own. One that moto renames fails here, not as a lost commit in a test.
for method in ("put_object", "delete_object", "_key_response_post"):
    serialise(method)

if __name__ == "__main__":
    from moto.server import main

    main(sys.argv[1:])
