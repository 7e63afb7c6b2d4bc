"""Where keys stand inside what other people's apps serialise: texts, JSON, versions of whole objects.

Each function is one for the option ``references``: it gets a value, a function that tells the key of an object on the
remote, and the object that the value is of, and returns the value with the remote's keys. ``known/`` names them.
Nothing here imports such an app: what is asked of it is asked of the objects that it has made.
"""
