# The couler runtime (couler_runtime.py) is put in front of this script and offers arg, read_table and so on.
