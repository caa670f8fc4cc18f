#include "script_module.hpp"

#include <torch/csrc/jit/serialization/export.h>

#include "archive_writer.hpp"
#include "devices.hpp"
#include "dtypes.hpp"
#include "json_text.hpp"
#include "oft/error.hpp"
#include "script_archive.hpp"
#include "script_call.hpp"
#include "script_objects.hpp"
#include "tied_tensors.hpp"

namespace oft {
namespace {

/// Casts floating-point parameters and buffers.
void cast(const torch::jit::Module& module, at::ScalarType dtype) {
  const ScriptObjects objects(module);
  TiedTensors converted([&](const at::Tensor& tensor) {
    return tensor.is_floating_point()
               ? tensor.detach().to(dtype).set_requires_grad(tensor.requires_grad())
               : tensor;
  });
  for (const auto* slots : {&objects.parameters(), &objects.buffers()})
    for (const auto& [name, slot] : *slots)
      for (const ScriptSlot& place : objects.slots(name))
        objects.list()[place.object].value->setSlot(place.slot, converted(objects.tensor(place)));
}

torch::jit::Module load(const ScriptArchive& archive, const ScriptPlace& place) {
  const c10::Device device = present_device(place.device);
  torch::jit::Module module = archive.load(device);
  if (place.dtype) cast(module, *place.dtype);
  return module;
}

Json tensors_to_json(const ScriptObjects& objects, const std::vector<NamedSlot>& slots) {
  Json list = Json::array();
  for (const auto& [name, slot] : slots) {
    const at::Tensor& tensor = objects.tensor(slot);
    list.push_back({{"name", name},
                    {"dtype", torch_name(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"device", tensor.device().str()}});
  }
  return list;
}

}  // namespace

torch::jit::Module load_script(const std::filesystem::path& path, const ScriptPlace& place) {
  return load(ScriptArchive::open(path), place);
}

torch::jit::Module load_script_bytes(std::string_view bytes, const ScriptPlace& place) {
  return load(ScriptArchive::of(bytes), place);
}

void save_script(const torch::jit::Module& module, const std::filesystem::path& path) {
  write_archive(path,
                [&](const ArchiveWriter& writer) { torch::jit::ExportModule(module, writer); });
}

std::string script_to_json(const torch::jit::Module& script) {
  const ScriptObjects objects(script);
  Json methods = Json::array();
  for (const torch::jit::Function* method : script.type()->methods())
    methods.push_back(method->name());
  Json modules = Json::array();
  for (const std::size_t module : objects.modules()) {
    const Layer layer = script_layer(objects.list()[module]);
    modules.push_back({{"name", layer.name},
                       {"kind", layer_kind_name(layer.kind)},
                       {"class_name", layer.class_name}});
  }
  return Json{{"training", script.attr("training", false).toBool()},
              {"methods", std::move(methods)},
              {"modules", std::move(modules)},
              {"parameters", tensors_to_json(objects, objects.parameters())},
              {"buffers", tensors_to_json(objects, objects.buffers())}}
      .dump();
}

at::Tensor script_tensor(const torch::jit::Module& module, const std::string& name) {
  c10::IValue value = module._ivalue();
  for (std::size_t begin = 0; begin <= name.size() && value.isModule();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    const torch::jit::ObjectPtr object = value.toObject();
    const auto slot = object->type()->findAttributeSlot(name.substr(begin, end - begin));
    value = slot ? object->getSlot(*slot) : c10::IValue();
    begin = end + 1;
    if (end == name.size() && value.isTensor()) return value.toTensor();
  }
  const ScriptObjects objects(module);
  return objects.tensor(objects.slots(name).front());
}

c10::IValue call_script(const torch::jit::Module& module, const std::string& method,
                        std::vector<c10::IValue> args, const Kwargs& kwargs) {
  return call_method(module._ivalue(), method, std::move(args), kwargs);
}

void train_script(const torch::jit::Module& module, bool on) {
  if (!module.type()->hasAttribute("training"))
    throw Error(Status::kUnsupported,
                "the module was frozen in evaluation mode; export it without torch.jit.freeze to "
                "train it");
  const ScriptObjects objects(module);
  for (const ScriptObject& object : objects.list())
    if (const auto slot = object.type()->findAttributeSlot("training"))
      object.value->setSlot(*slot, on);
}

}  // namespace oft
