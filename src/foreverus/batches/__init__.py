"""The life of a batch, from the input file to the output file. Imported by worker, results, cli, sweeps,
bootstrap and handlers."""
