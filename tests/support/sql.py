"""Runs one statement on a server's database: sql.py DATABASE STATEMENT"""

import sqlite3
import sys

with sqlite3.connect(sys.argv[1], timeout=30) as database:
    database.execute(sys.argv[2])
