#include "algebra_options.hpp"

#include <utility>

#include "dtypes.hpp"
#include "oft/blend.hpp"
#include "oft/convert.hpp"
#include "oft/error.hpp"
#include "oft/extract.hpp"

namespace oft {
namespace {

ConvertTarget target_of(const std::string& name) {
  for (const ConvertTarget target :
       {ConvertTarget::kPeft, ConvertTarget::kPeftLegacy, ConvertTarget::kLycoris,
        ConvertTarget::kLora, ConvertTarget::kFull})
    if (convert_target_name(target) == name) return target;
  bad_field("convert option to", name,
            "there are \"peft\", \"peft-0.15\", \"lycoris\", \"lora\" and \"full\"");
}

}  // namespace

FieldReader option_fields(std::string_view json, const std::string& job) {
  if (json.empty()) return FieldReader(Json::object());
  Json document = parse_json(json, job + " options");
  if (!document.is_object()) throw Error(Status::kParse, job + " options: must be a JSON object");
  return FieldReader(std::move(document));
}

void require_no_more(const FieldReader& fields, const std::string& job, const std::string& known) {
  for (const auto& [key, value] : fields.rest().items())
    bad_field(job + " option " + key, value, "there are " + known);
}

void read_dtype(FieldReader& fields, std::optional<c10::ScalarType>& out) {
  std::optional<std::string> name;
  fields.read("dtype", name);
  if (!name) return;
  out = floating_type(*name);
  if (!out)
    bad_field("option dtype", *name,
              "it must be \"float16\", \"bfloat16\", \"float32\" or \"float64\"");
}

BlendOptions BlendOptions::from_json(std::string_view json) {
  FieldReader fields = option_fields(json, "blend");
  BlendOptions options;
  std::string rule = "group";
  fields.read("rule", rule);
  if (rule != "group" && rule != "ortho_merge")
    bad_field("blend option rule", rule, "there are \"group\" and \"ortho_merge\"");
  options.rule = rule == "group" ? BlendRule::kGroup : BlendRule::kOrthoMerge;
  std::optional<std::string> base;
  fields.read("base", base);
  options.base = base.value_or("");
  fields.read("component", options.component);
  fields.read("force", options.force);
  read_dtype(fields, options.dtype);
  require_no_more(fields, "blend", "rule, base, component, force and dtype");
  return options;
}

ExtractOptions ExtractOptions::from_json(std::string_view json) {
  FieldReader fields = option_fields(json, "extract");
  ExtractOptions options;
  std::optional<c10::ScalarType> dtype;
  fields.read("component", options.component);
  read_dtype(fields, dtype);
  options.dtype = dtype.value_or(options.dtype);
  require_no_more(fields, "extract", "component and dtype");
  return options;
}

ConvertOptions ConvertOptions::from_json(std::string_view json) {
  FieldReader fields = option_fields(json, "convert");
  ConvertOptions options;
  std::optional<std::string> to;
  fields.read("to", to);
  if (!to) bad_field("convert option to", nullptr, "it must say what to convert to, as \"peft\"");
  options.to = target_of(*to);
  std::optional<std::string> formula;
  fields.read("formula", formula);
  if (formula && *formula != "cayley" && *formula != "cayley_neumann")
    bad_field("convert option formula", *formula, "there are \"cayley\" and \"cayley_neumann\"");
  if (formula) options.formula = *formula == "cayley" ? Formula::kCayley : Formula::kCayleyNeumann;
  std::optional<std::string> base;
  fields.read("base", base);
  options.base = base.value_or("");
  fields.read("component", options.component);
  fields.read("rank", options.rank);
  if (options.rank < 1) bad_field("convert option rank", options.rank, "it must be 1 or more");
  fields.read("force", options.force);
  read_dtype(fields, options.dtype);
  fields.read("sync", options.sync);
  require_no_more(fields, "convert", "to, formula, base, component, rank, force, dtype and sync");
  return options;
}

}  // namespace oft
