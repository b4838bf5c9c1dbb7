"""Predict an image with a classifier of ilastik. Snakemake gives the name ``snakemake``."""

from pathlib import Path

from snakemake.shell import shell

# ilastik's names of formats, by the ending of the output.
FORMATS = {
    ".h5": "compressed hdf5",
    ".tif": "tif",
    ".tiff": "tiff",
    ".png": "png",
    ".npy": "numpy",
    ".zarr": "single-scale OME-Zarr",
}

output = Path(snakemake.output[0])
suffix = output.suffix.lower()
form = snakemake.params.get("format", FORMATS.get(suffix))
if form is None:
    raise ValueError(f"The output '{output}' ends in '{suffix}', expected one of {', '.join(FORMATS)}.")
source = snakemake.params.get("source", "Probabilities")
extra = snakemake.params.get("extra", "")
threads = snakemake.threads
memory = snakemake.resources.get("mem_mb")
limit = f"LAZYFLOW_TOTAL_RAM_MB={memory}" if memory else ""
log = snakemake.log_fmt_shell(stdout=True, stderr=True)

shell(
    "LAZYFLOW_THREADS={threads} {limit} nbp-ilastik --headless --readonly"
    " --project={snakemake.input.classifier:q} --export_source={source:q} --output_format={form:q}"
    " --output_filename_format={output:q} {extra} --raw_data {snakemake.input.image:q} {log}"
)
