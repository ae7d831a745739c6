"""Makes the small data sets of this folder; the same bytes every time for the csv and jsonl files.

Usage: python generate.py [FOLDER]     (default: the folder of this file)
Needs numpy and pandas; sales.parquet also pyarrow, iris.csv also scikit-learn (left out when it is absent).
"""
import pathlib
import sys

import numpy as np
import pandas as pd


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def csv(frame, folder, name):
    frame.to_csv(folder / name, index=False, lineterminator="\n")


def churn(folder, rng, rows=1200):
    """Classification: categories, missing values and 30 duplicate rows; target churn (0 or 1)."""
    age = rng.integers(18, 80, rows)
    tenure = rng.integers(1, 72, rows)
    plan = rng.choice(["basic", "standard", "premium"], rows, p=[0.45, 0.35, 0.2])
    country = rng.choice(["DE", "FR", "US", "IN", "BR"], rows, p=[0.3, 0.2, 0.25, 0.15, 0.1])
    contract = rng.choice(["monthly", "yearly"], rows, p=[0.6, 0.4])
    charges = np.select([plan == "basic", plan == "standard"], [20.0, 45.0], 80.0) + rng.normal(0, 6, rows)
    calls = rng.poisson(1.6, rows)
    risk = (-1.9 + 0.75 * calls - 0.045 * tenure + 1.6 * (contract == "monthly") + 0.9 * (plan == "premium")
            - 0.012 * (age - 45) + 0.5 * (country == "US"))
    frame = pd.DataFrame({
        "customer_id": [f"C{i:05d}" for i in range(1, rows + 1)], "age": age.astype(float), "country": country,
        "plan": plan, "contract": contract, "tenure_months": tenure, "monthly_charges": charges.round(2),
        "support_calls": calls, "churn": (rng.random(rows) < sigmoid(risk)).astype(int)})
    for column, share in (("age", 0.05), ("monthly_charges", 0.04), ("country", 0.03)):
        frame.loc[rng.random(rows) < share, column] = None
    twice = frame.iloc[rng.choice(rows, 30, replace=False)]
    csv(pd.concat([frame, twice], ignore_index=True), folder, "churn.csv")


def houses(folder, rng, rows=800):
    """Regression; target price."""
    area = rng.integers(35, 260, rows)
    rooms = np.clip(np.round(area / 28 + rng.normal(0, 0.8, rows)), 1, 9).astype(int)
    year = rng.integers(1900, 2024, rows)
    town = rng.choice(["Ahlen", "Brink", "Cassel", "Dorn"], rows)
    garden = rng.random(rows) < 0.4
    base = pd.Series(town).map({"Ahlen": 2100, "Brink": 2900, "Cassel": 3600, "Dorn": 1700}).to_numpy()
    price = area * base * (0.75 + (year - 1900) / 400) + 18000 * rooms + 25000 * garden + rng.normal(0, 16000, rows)
    csv(pd.DataFrame({
        "area_m2": area, "rooms": rooms, "year_built": year, "town": town, "garden": garden,
        "distance_km": (rng.gamma(2.0, 4.0, rows)).round(1), "price": (price / 100).round().astype(int) * 100,
    }), folder, "houses.csv")


def shop(folder, rng, customers=200, orders=1000):
    """Two tables to join on customer_id; 20 customers have no order, 10 orders have an unknown customer."""
    ids = np.arange(1, customers + 1)
    start = pd.Timestamp("2022-01-01")
    csv(pd.DataFrame({
        "customer_id": ids, "name": [f"Customer {i}" for i in ids],
        "segment": rng.choice(["private", "business"], customers, p=[0.7, 0.3]),
        "city": rng.choice(["Berlin", "Lyon", "Porto", "Turin", "Graz"], customers),
        "signup_date": [(start + pd.Timedelta(days=int(day))).date() for day in rng.integers(0, 700, customers)],
    }), folder, "customers.csv")
    buyer = rng.integers(1, customers - 19, orders)
    buyer[:10] = np.arange(901, 911)
    csv(pd.DataFrame({
        "order_id": np.arange(1, orders + 1), "customer_id": buyer,
        "order_date": [(start + pd.Timedelta(days=int(day))).date() for day in rng.integers(0, 900, orders)],
        "product": rng.choice(["keyboard", "monitor", "mouse", "cable", "desk"], orders),
        "quantity": rng.integers(1, 6, orders), "amount": rng.gamma(2.0, 40.0, orders).round(2),
    }), folder, "orders.csv")


def reviews(folder, rng, rows=600):
    """Text classification; target label (positive or negative), 4 percent of the labels are wrong."""
    things = ["the blender", "this phone", "the jacket", "my new lamp", "the coffee machine", "this tent", "the headset"]
    good = ["works perfectly", "arrived early and looks great", "is worth every cent", "feels solid and well made",
            "exceeded what I hoped for", "is easy to use and quiet"]
    bad = ["broke after two days", "arrived scratched and late", "is a waste of money", "feels cheap and flimsy",
           "never worked as described", "is loud and hard to use"]
    neutral = ["I bought it last month.", "It was a present.", "Delivery took a week.", "The box was blue.", ""]
    ends = {"positive": ["I am very happy.", "Would buy again!", "Highly recommended."],
            "negative": ["I want a refund.", "Would not buy again.", "Very disappointed."]}
    rows_out = []
    for _ in range(rows):
        label = "positive" if rng.random() < 0.55 else "negative"
        said = rng.choice(good if label == "positive" else bad)
        text = f"{rng.choice(things)} {said}. {rng.choice(neutral)} {rng.choice(ends[label])}"
        if rng.random() < 0.04:
            label = "negative" if label == "positive" else "positive"
        rows_out.append({"text": " ".join((text[0].upper() + text[1:]).split()), "label": label})
    csv(pd.DataFrame(rows_out), folder, "reviews.csv")


def sensors(folder, rng, rows=900):
    """Machine readings as JSON lines; 3 percent are faulty and stand out."""
    faulty = rng.random(rows) < 0.03
    start = pd.Timestamp("2024-03-01")
    frame = pd.DataFrame({
        "time": [(start + pd.Timedelta(minutes=10 * i)).isoformat() for i in range(rows)],
        "machine": [f"M{i}" for i in rng.integers(1, 6, rows)],
        "temperature": (rng.normal(62, 3, rows) + 25 * faulty).round(2),
        "vibration": (rng.gamma(4, 0.2, rows) + 2.5 * faulty).round(3),
        "pressure": (rng.normal(5.2, 0.2, rows) - 1.5 * faulty).round(3), "faulty": faulty})
    text = frame.to_json(orient="records", lines=True)
    (folder / "sensors.jsonl").write_bytes((text.rstrip("\n") + "\n").encode())


def sales(folder, rng, rows=1500):
    """Sales by day, shop and product, as parquet."""
    start = pd.Timestamp("2023-01-01")
    units = rng.integers(1, 30, rows)
    price = rng.choice([4.5, 9.9, 19.0, 49.0], rows)
    pd.DataFrame({
        "date": [start + pd.Timedelta(days=int(day)) for day in np.sort(rng.integers(0, 365, rows))],
        "region": rng.choice(["north", "south", "east", "west"], rows),
        "product": pd.Series(price).map({4.5: "cable", 9.9: "mouse", 19.0: "keyboard", 49.0: "headset"}),
        "units": units, "revenue": (units * price).round(2),
    }).to_parquet(folder / "sales.parquet", index=False)


def iris(folder):
    """Fisher's iris measurements (public domain) from scikit-learn; target species."""
    try:
        from sklearn.datasets import load_iris
    except ImportError:
        print("iris.csv is left out: scikit-learn is not installed", file=sys.stderr)
        return
    data = load_iris()
    frame = pd.DataFrame(data.data, columns=["sepal_length", "sepal_width", "petal_length", "petal_width"])
    csv(frame.assign(species=[str(data.target_names[kind]) for kind in data.target]), folder, "iris.csv")


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for seed, make in enumerate((churn, houses, shop, reviews, sensors, sales), start=11):
        make(folder, np.random.default_rng(seed))
    iris(folder)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent)
