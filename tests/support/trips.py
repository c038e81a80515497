"""What a sent frame goes through before it is looked at again."""

import io

import pandas as pd


def through_csv(frame):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def through_csv_keeping_blanks(frame):
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), keep_default_na=False, dtype=str)


def through_excel(frame):
    file = io.BytesIO()
    zoned = frame.select_dtypes("datetimetz").columns
    frame.assign(**{name: frame[name].dt.tz_localize(None) for name in zoned}).to_excel(file, index=False)
    return pd.read_excel(file)


def through_parquet(frame):
    file = io.BytesIO()
    frame.to_parquet(file)
    return pd.read_parquet(file)


def through_arrow(frame):
    file = io.BytesIO()
    frame.to_parquet(file)
    return pd.read_parquet(file, dtype_backend="pyarrow")


def through_json(frame):
    return pd.read_json(io.StringIO(frame.to_json(date_format="iso")))


def through_pickle(frame):
    file = io.BytesIO()
    frame.to_pickle(file)
    file.seek(0)
    return pd.read_pickle(file)  # noqa: S301 - written a line above


def through_objects(frame):
    return frame.astype(object)


def through_categories(frame):
    return frame.astype("category")


def through_categories_in_alphabetical_order(frame):
    return frame.assign(status=frame["status"].cat.reorder_categories(sorted(frame["status"].cat.categories)))


def through_a_concat_of_one_status_each(frame):
    parts = [
        part.assign(status=part["status"].cat.remove_unused_categories())
        for _, part in frame.groupby("status", observed=True)
    ]
    return pd.concat(parts).sort_index()


def unchanged(frame):
    return frame


TRIPS = (
    unchanged, through_csv, through_csv_keeping_blanks, through_excel, through_parquet, through_arrow, through_json,
    through_pickle, through_objects, through_categories, through_categories_in_alphabetical_order,
    through_a_concat_of_one_status_each,
)  # fmt: skip
