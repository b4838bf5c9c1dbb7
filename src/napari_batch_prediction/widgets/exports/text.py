"""Settings of exports in a few words."""

from collections import Counter
from collections.abc import Sequence

from napari_batch_prediction.formats.registry import is_table_format
from napari_batch_prediction.job.export import Export
from napari_batch_prediction.job.options import label, options
from napari_batch_prediction.job.region import format_region


def labels(exports: Sequence[Export]) -> list[str]:
    """Return what each export is called: its source, and a number if it is not the first of that source."""
    found: list[str] = []
    seen: Counter[str] = Counter()
    for export in exports:
        key = export.source.lower()
        seen[key] += 1
        found.append(export.source if seen[key] == 1 else f"{export.source} ({seen[key]})")
    return found


def differing(exports: Sequence[Export]) -> str:
    """Return which settings are not the same for all exports, as a sentence; empty if all are."""
    images = [export for export in exports if not is_table_format(export.format)]
    fields = [field for field, _, _ in options(Export)]
    names = [label(Export, field) for field in fields if _differs(field, images if field == "format" else exports)]
    return f"Not the same for all outputs: {', '.join(dict.fromkeys(names))}." if names else ""


def _differs(field: str, exports: Sequence[Export]) -> bool:
    return any(getattr(export, field) != getattr(exports[0], field) for export in exports)


def only(exports: Sequence[Export]) -> str:
    """Return which part alone is written, as in ``only y=88:93, x=136:144``; empty if everything is."""
    regions = [format_region(export.region) for export in exports]
    if not any(regions):
        return ""
    if len(set(regions)) == 1:
        return f"only {regions[0]}"
    texts = zip(labels(exports), regions, strict=True)
    return "; ".join(f"{label} only {region}" for label, region in texts if region)


def backwards(exports: Sequence[Export]) -> str:
    """Return which region ends before it starts, as a sentence; empty if none does."""
    for export in exports:
        for key, (start, stop) in export.region.items():
            if stop is not None and (start or 0) >= stop:
                return (
                    f"The region {format_region({key: (start, stop)})} is empty: its start {start or 0} does not lie "
                    f"before its stop {stop}. Write the smaller number first."
                )
    return ""


def more_than_default(export: Export) -> str:
    """Return what is set of the settings that are folded away, in a few words; empty if nothing is."""
    parts: list[str] = [export.dtype or ""]
    if export.output_range is not None:
        parts.append("{:g} to {:g}".format(*export.output_range))
    parts += [export.output_axes or "", format_region(export.region), export.compression or ""]
    parts += ["each class" if export.per_class else "", "into the image" if export.into_image else ""]
    return ", ".join(part for part in parts if part)
