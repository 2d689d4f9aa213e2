"""The API's JSON objects, as far as the command line reads them. A field may be missing: servers differ in age."""
