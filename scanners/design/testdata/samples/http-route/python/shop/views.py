from flask import Blueprint, jsonify

bp = Blueprint("shop", __name__, url_prefix="/shop")


@bp.route("/cart", methods=["GET", "POST"])
def cart():
    return jsonify({})


@bp.route("/list")
def items():
    return jsonify([])
