"""Parts of the REST API's table of routes, by what they are about: `r` is the request, `s` the services."""
