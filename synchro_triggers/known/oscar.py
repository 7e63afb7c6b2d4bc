"""django-oscar (tried with 4.2): orders and baskets in a state in which their own save() refuses to change them."""

from . import Known

#: Their save() or delete() refuses what is closed, counts and numbers anew, or writes other rows, which come as data.
_PAST_SAVE = (
    "address.UserAddress",
    "basket.Line",
    "catalogue.Product",
    "customer.ProductAlert",
    "order.Order",
    "order.PaymentEventQuantity",
    "order.ShippingEventQuantity",
    "payment.Bankcard",
    "payment.Source",
    "reviews.ProductReview",
    "reviews.Vote",
    "voucher.Voucher",
    "wishlists.WishList",
)

KNOWN = Known(
    "oscar",
    "Rows come as they are: save() would refuse or count anew, and receivers would write alerts a second time.",
    left_out=("catalogue.ProductCategoryHierarchy",),
    options={
        **{label: {"write": "signals"} for label in _PAST_SAVE},
        # Both sides may have counted the first sight of the same product.
        "analytics.ProductRecord": {"natural_key": ("product",)},
        "analytics.UserRecord": {"natural_key": ("user",)},
        "catalogue.Category": {"write": "signals", "mute": ("oscar.apps.catalogue.receivers",)},
        "catalogue.ProductImage": {"write": "signals", "mute": ("oscar.apps.catalogue.receivers",)},
        "offer.ConditionalOffer": {"write": "signals", "mute": ("oscar.apps.offer.receivers",)},
        "order.OrderDiscount": {
            "write": "signals",
            "references": {"offer_id": "offer.ConditionalOffer", "voucher_id": "voucher.Voucher"},
        },
        "partner.StockRecord": {"mute": ("oscar.apps.partner.receivers", "oscar.apps.customer.alerts.receivers")},
    },
)
