"""FOCUS 1.2 (FinOps Open Cost and Usage Specification) as the tests of bills need it: its columns, and what a file must be."""

import csv
import datetime
import io
import json
import re

# FOCUS 1.2, chapter 3 (columns): github.com/FinOps-Open-Cost-and-Usage-Spec/FOCUS_Spec, tag v1.2,
# specification/columns/*.md: column, feature level, allows nulls, data type.
FOCUS = """
AvailabilityZone Recommended True String
BilledCost Mandatory False Decimal
BillingAccountId Mandatory False String
BillingAccountName Mandatory True String
BillingAccountType Conditional False String
BillingCurrency Mandatory False String
BillingPeriodEnd Mandatory False Date/Time
BillingPeriodStart Mandatory False Date/Time
CapacityReservationId Conditional True String
CapacityReservationStatus Conditional True String
ChargeCategory Mandatory False String
ChargeClass Mandatory True String
ChargeDescription Mandatory True String
ChargeFrequency Recommended False String
ChargePeriodEnd Mandatory False Date/Time
ChargePeriodStart Mandatory False Date/Time
CommitmentDiscountCategory Conditional True String
CommitmentDiscountId Conditional True String
CommitmentDiscountName Conditional True String
CommitmentDiscountQuantity Conditional True Decimal
CommitmentDiscountStatus Conditional True String
CommitmentDiscountType Conditional True String
CommitmentDiscountUnit Conditional True String
ConsumedQuantity Conditional True Decimal
ConsumedUnit Conditional True String
ContractedCost Mandatory False Decimal
ContractedUnitPrice Conditional True Decimal
EffectiveCost Mandatory False Decimal
InvoiceId Recommended True String
InvoiceIssuerName Mandatory False String
ListCost Mandatory False Decimal
ListUnitPrice Conditional True Decimal
PricingCategory Conditional True String
PricingCurrency Conditional True String
PricingCurrencyContractedUnitPrice Conditional True Decimal
PricingCurrencyEffectiveCost Conditional True Decimal
PricingCurrencyListUnitPrice Conditional True Decimal
PricingQuantity Mandatory True Decimal
PricingUnit Mandatory True String
ProviderName Mandatory False String
PublisherName Mandatory False String
RegionId Conditional True String
RegionName Conditional True String
ResourceId Conditional True String
ResourceName Conditional True String
ResourceType Conditional True String
ServiceCategory Mandatory False String
ServiceName Mandatory False String
ServiceSubcategory Recommended False String
SkuId Conditional True String
SkuMeter Conditional True String
SkuPriceDetails Conditional True JSON
SkuPriceId Conditional True String
SubAccountId Conditional True String
SubAccountName Conditional True String
SubAccountType Conditional True String
Tags Conditional True JSON
"""
FOCUS = {c: (level, nulls == "True", kind) for c, level, nulls, kind in map(str.split, FOCUS.strip().splitlines())}
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?$")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")


def read(t, text, name):
    """The rows of a FOCUS file, whose form is right."""
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns, bill, wrong = table.fieldnames, list(table), []
    t.equal([c for c, (level, _, _) in FOCUS.items() if level == "Mandatory" and c not in columns], [], f"{name}: all mandatory columns are there")
    t.equal([c for c in columns if c not in FOCUS and not c.startswith("x_")], [], f"{name}: others begin with x_")
    t.equal(len(columns), len(set(columns)), f"{name}: each once")
    for row in bill:
        for column, value in row.items():
            _, nulls, kind = FOCUS.get(column, ("", True, "String"))
            if value == "":
                if not nulls:
                    wrong.append((column, value))
            elif kind == "Decimal" and not NUMBER.match(value) or kind == "Date/Time" and not MOMENT.match(value) or \
                    kind == "JSON" and not all(isinstance(v, str) for v in json.loads(value).values()):
                wrong.append((column, value))
        # What the columns' own pages ask for.
        if (row["ChargeCategory"], row["ChargeClass"], row["ServiceCategory"], row["ServiceSubcategory"], row["ChargeFrequency"],
                row["PricingCategory"]) != ("Usage", "", "Compute", "Serverless Compute", "Usage-Based", "Standard"):
            wrong.append(row)
        if not row["PricingQuantity"] or not row["PricingUnit"] or not row["ConsumedQuantity"] or not row["ConsumedUnit"] or not row["SkuId"]:
            wrong.append(row)
        if len({row[c] for c in ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost")}) != 1:
            wrong.append(row)
        if bool(row["SubAccountId"]) != bool(row["SubAccountType"]) or bool(row["ResourceId"]) != bool(row["ResourceType"]):
            wrong.append(row)
        if not re.fullmatch("[A-Z]{3}", row["BillingCurrency"]) or row["SkuPriceId"] != row["SkuId"]:
            wrong.append(row)
    t.equal(wrong[:2], [], f"{name}: types and nulls of {len(bill)} rows are as FOCUS 1.2 has them")
    return bill


def period(day, zone):
    """From the first moment of that date to that of the next: where midnight is left out, from 1 o'clock on."""
    def first(date):
        at = datetime.datetime.combine(date, datetime.time(), datetime.timezone.utc) - datetime.timedelta(hours=15)
        while at.astimezone(zone).date() < date:
            at += datetime.timedelta(minutes=15)
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")
    date = datetime.date.fromisoformat(day)
    return first(date), first(date + datetime.timedelta(days=1))


def month(day, zone):
    date = datetime.date.fromisoformat(day).replace(day=1)
    return period(date.isoformat(), zone)[0], period((date + datetime.timedelta(days=32)).replace(day=1).isoformat(), zone)[0]
