"""Settings of exports in a few words."""

from collections import Counter
from collections.abc import Sequence

from napari_batch_prediction.formats.registry import is_table_format
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.options import label, options
from napari_batch_prediction.job.region import format_region


def labels(exports: Sequence[Export]) -> list[str]:
    """Return the name of each export: its source, with a number unless it is the first of that source."""
    names: list[str] = []
    seen: Counter[str] = Counter()
    for export in exports:
        key = export.source.lower()
        seen[key] += 1
        names.append(export.source if seen[key] == 1 else f"{export.source} ({seen[key]})")
    return names


def differing(exports: Sequence[Export]) -> str:
    """Return a sentence that lists the settings in which exports differ; empty if there are none."""
    images = [export for export in exports if not is_table_format(export.format)]
    fields = [field for field, _, _ in options(Export)]
    names = [label(Export, field) for field in fields if _differs(field, images if field == "format" else exports)]
    return f"Not the same for all outputs: {', '.join(dict.fromkeys(names))}." if names else ""


def _differs(field: str, exports: Sequence[Export]) -> bool:
    return any(getattr(export, field) != getattr(exports[0], field) for export in exports)


def only(exports: Sequence[Export]) -> str:
    """Return the regions of exports, as in ``only y=88:93, x=136:144``; empty if everything is written."""
    regions = [format_region(export.region) for export in exports]
    if not any(regions):
        return ""
    if len(set(regions)) == 1:
        return f"only {regions[0]}"
    texts = zip(labels(exports), regions, strict=True)
    return "; ".join(f"{label} only {region}" for label, region in texts if region)


def backwards(exports: Sequence[Export]) -> str:
    """Return a sentence about the first region that ends before it starts; empty if none does."""
    for export in exports:
        for key, (start, stop) in export.region.items():
            if stop is not None and (start or 0) >= stop:
                return (
                    f"The region {format_region({key: (start, stop)})} is empty: its start {start or 0} does not lie "
                    f"before its stop {stop}. Write the smaller number first."
                )
    return ""


def more_than_default(export: Export) -> str:
    """Return the rarer settings of an export that are set, in a few words; empty if none is."""
    texts: list[str] = [export.dtype or ""]
    if export.output_range is not None:
        texts.append("{:g} to {:g}".format(*export.output_range))
    texts += [export.output_axes or "", format_region(export.region), export.compression or ""]
    texts += ["each class" if export.per_class else "", "each image" if export.per_image else ""]
    texts += ["into the image" if export.into_image else ""]
    return ", ".join(filter(None, texts))
